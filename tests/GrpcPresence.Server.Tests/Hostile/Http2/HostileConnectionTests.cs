namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Tests the server under hostile connections. The numbers of the cases are their seeds.</summary>
[Collection(nameof(HostileCollection))]
public sealed class HostileConnectionTests(HostileConnectionRun run, ITestOutputHelper output) : IClassFixture<HostileConnectionRun>
{
    private const int Shown = 5;
    private const long Mebibyte = 1024 * 1024;
    private const double HeapRatio = 1.25;
    private const long HeapSlack = 16 * Mebibyte;

    [Fact]
    public void Every_connection_is_answered_or_closed_and_others_are_served() =>
        Assert.True(run.Objections.Count == 0, $"{run.Objections.Count} objections: {string.Join("\n", run.Objections.Take(Shown))}");

    [Fact]
    public void Nothing_is_logged() =>
        Assert.True(run.Logged.Count == 0, $"{run.Logged.Count} entries: {string.Join("\n", run.Logged.Take(Shown))}");

    [Fact]
    public void Memory_stays_flat()
    {
        output.WriteLine(
            $"{HostileConnectionRun.Connections} connections in {run.Duration}: "
            + $"{run.HeapAfterWarmUp / Mebibyte} MiB alive after the warm-up, "
            + $"{run.HeapAtEnd / Mebibyte} at the end; slowest canary {run.SlowestCanary}");
        Assert.True(run.HeapAtEnd < (run.HeapAfterWarmUp * HeapRatio) + HeapSlack, $"{run.HeapAfterWarmUp} bytes became {run.HeapAtEnd}.");
    }
}
