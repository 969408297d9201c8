using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>
/// Runs random histories over the wire. Clients watch them as events and disconnect at any time. A failure prints the seed. To run more:
/// <c>PRESENCE_EVENT_HISTORIES=10000 dotnet test --project tests/GrpcPresence.Server.Tests</c>.
/// </summary>
public sealed class EventHistoryTests
{
    private static int Histories =>
        int.TryParse(Environment.GetEnvironmentVariable("PRESENCE_EVENT_HISTORIES"), out var histories) ? histories : 200;

    [Fact]
    public async Task Every_promise_holds_for_browsers_in_random_histories()
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(time: time, services: AddRecorder);
        var (breaks, withinMessage) = (0, 0);
        for (var seed = 0; seed < Histories; seed++)
        {
            var failure = await Record.ExceptionAsync(async () =>
            {
                var clients = await EventHistory.RunAsync(server, time, server.Get<TruthRecorder>(), seed);
                breaks += clients.Sum(client => client.Breaks);
                withinMessage += clients.Sum(client => client.BreaksWithinMessage);
            });
            if (failure is not null)
                Assert.Fail($"Seed {seed}: {failure}");
        }
        // The run must include clients that disconnect between the updates of a message.
        Assert.True(breaks > Histories && withinMessage > 0, $"{breaks} breaks, {withinMessage} within a message.");
        // The stop would otherwise wait for the streams on a clock that does not advance.
        await Barrier.Within(
            server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the server noticed the end of the streams");
        Assert.Empty(server.Log.Problems);
    }

    private static void AddRecorder(IServiceCollection services)
    {
        services.AddSingleton(provider => new TruthRecorder(provider.GetRequiredService<WatchHub>()));
        services.AddSingleton<IReadOnlyList<ICommitPublisher>>(provider => [provider.GetRequiredService<TruthRecorder>()]);
        // The histories call Tick themselves, so that no test waits for a timer on another thread.
        services.Remove(services.Single(service => service.ImplementationType == typeof(LeaseTimer)));
    }
}
