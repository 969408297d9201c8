namespace GrpcPresence.Server.Tests.Fixture;

internal static class TestRun
{
    /// <summary>The token that is cancelled with the test run.</summary>
    public static CancellationToken Token => TestContext.Current.CancellationToken;
}
