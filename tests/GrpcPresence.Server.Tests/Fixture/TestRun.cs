namespace GrpcPresence.Server.Tests.Fixture;

internal static class TestRun
{
    /// <summary>Cancelled when the run is.</summary>
    public static CancellationToken Token => TestContext.Current.CancellationToken;
}
