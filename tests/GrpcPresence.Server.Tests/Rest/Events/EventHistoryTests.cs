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
/// Random histories over the wire, watched as events by clients that break off anywhere. A failure prints the seed. More of them:
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
        // A run in which nobody breaks off between the updates of a message would show nothing of that.
        Assert.True(breaks > Histories && withinMessage > 0, $"{breaks} breaks, {withinMessage} within a message.");
        // Stopping would wait for them on a clock that stands.
        await Barrier.Within(
            server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the server noticed the end of the streams");
        Assert.Empty(server.Log.Problems);
    }

    private static void AddRecorder(IServiceCollection services)
    {
        services.AddSingleton(provider => new TruthRecorder(provider.GetRequiredService<WatchHub>()));
        services.AddSingleton<ICommitPublisher>(provider => provider.GetRequiredService<TruthRecorder>());
        // The histories tick by themselves, so that nobody has to wait for a timer that another thread answers.
        services.Remove(services.Single(service => service.ImplementationType == typeof(LeaseTimer)));
    }
}
