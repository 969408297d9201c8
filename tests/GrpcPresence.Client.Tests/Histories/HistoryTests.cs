namespace GrpcPresence.Client.Tests.Histories;

/// <summary>
/// Random histories of a client and the real server: sessions, changes of other callers, cut connections, and a server that is killed,
/// drained, and restored. A failure prints the seed and the steps. To run more:
/// <c>PRESENCE_CLIENT_HISTORIES=1000 dotnet test --project tests/GrpcPresence.Client.Tests</c>.
/// </summary>
public sealed class HistoryTests
{
    private const int Length = 40;

    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_CLIENT_HISTORIES"), out var histories) ? histories : 12;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_client_knows_the_true_state_after_any_history(int part)
    {
        for (var seed = part; seed <= Histories; seed += 2)
        {
            var history = new ClientHistory(seed);
            try
            {
                await history.RunAsync(Length);
            }
            catch (Exception failure)
            {
                Assert.Fail($"Seed {seed}: {failure}{Environment.NewLine}{string.Join(Environment.NewLine, history.Steps)}");
            }
        }
    }
}
