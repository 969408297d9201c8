using System.Net;
using System.Net.Sockets;
using GrpcPresence.Client.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;

namespace GrpcPresence.Client.Tests.Connections;

/// <summary>Tests the connections that the client makes by itself.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task More_streams_than_a_connection_may_have_get_another_connection()
    {
        await using var server = await PresenceServer.StartAsync(streamsPerConnection: 5);
        await using var client = PresenceClient.Create(new PresenceClientOptions
        {
            Address = new Uri($"http://127.0.0.1:{server.Port}"),
            ServiceSid = server.ServiceSid,
            // The server checks no credentials. With access tokens, each user has a stream.
            Credentials = PresenceCredentials.AccessToken((identity, _) => Task.FromResult(identity)),
        });

        // From the first answer on, the transport knows the limit.
        await Barrier.Within(client.StartSessionAsync("first"), "the first session started");
        var starting = Enumerable.Range(0, 12).Select(i => client.StartSessionAsync($"user-{i}"));

        await Barrier.Within(Task.WhenAll(starting), "the sessions of all users started");
    }

    [Fact]
    public async Task After_the_machine_was_suspended_all_connections_are_replaced()
    {
        await using var server = await PresenceServer.StartAsync();
        var clock = new ManualClock { EndsShortWaits = true };
        using var meters = new Measurements();
        await using var client = PresenceClient.Create(new PresenceClientOptions
        {
            Address = new Uri($"http://127.0.0.1:{server.Port}"),
            ServiceSid = server.ServiceSid,
            TimeProvider = clock,
            MeterFactory = meters,
        });
        var session = await Barrier.Within(client.StartSessionAsync("ada"), "the session started");
        await Barrier.Within(client.WatchAsync(WatchOptions.Everybody), "the watch was synced");

        clock.Suspend(TimeSpan.FromHours(1));
        clock.Advance(TimeSpan.FromSeconds(10));

        await meters.UntilAsync("presence.client.connections kind=watch", 2);
        await meters.UntilAsync("presence.client.connections kind=heartbeats", 2);
        await meters.UntilAsync("presence.client.heartbeats outcome=accepted", 2);
        Assert.False(session.Ended.IsCompleted);
    }

    [Theory]
    [InlineData("the client")]
    [InlineData("the container")]
    [InlineData("the program")]
    [InlineData("the program, inside another one")]
    public async Task After_a_refused_connection_the_next_attempt_of_the_client_connects_whatever_created_the_handler(string creator)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // it refuses connections until it listens
        var clock = new ManualClock();
        await using var provider = Services(creator, clock, ((IPEndPoint)server.LocalEndPoint!).Port).BuildServiceProvider();
        var client = provider.GetRequiredService<IPresenceClient>();
        var waiting = WhenWaiting(clock);
        var starting = client.StartSessionAsync("ada");

        var delay = await Barrier.Within(waiting, "the client waited after a refused connection");
        server.Listen();
        waiting = WhenWaiting(clock);
        clock.Advance(delay);

        using var connected = new CancellationTokenSource();
        var accepting = server.AcceptAsync(connected.Token).AsTask();
        Assert.Same(accepting, await Barrier.Within(Task.WhenAny(accepting, waiting), "the client tried again"));
        (await accepting).Dispose();
        await provider.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => starting);
    }

    private static Task<TimeSpan> WhenWaiting(ManualClock clock) =>
        clock.WhenTimerCreated(due => due > TimeSpan.Zero && due < TimeSpan.FromSeconds(3));

    private static ServiceCollection Services(string creator, ManualClock clock, int port)
    {
        var services = new ServiceCollection();
        if (creator == "the container")
            services.AddPresenceClient(Configure);
        else
            services.AddSingleton<IPresenceClient>(_ => PresenceClient.Create(Options()));
        return services;

        PresenceClientOptions Options()
        {
            var options = new PresenceClientOptions();
            Configure(options);
            return options;
        }

        void Configure(PresenceClientOptions options)
        {
            options.Address = new Uri($"http://127.0.0.1:{port}");
            options.ServiceSid = TestClient.ServiceSid;
            options.TimeProvider = clock;
            options.EndTimeout = TimeSpan.Zero;
            options.HttpHandlerFactory = creator switch
            {
                "the program" => () => new SocketsHttpHandler(),
                "the program, inside another one" => () => new PassingHandler(new SocketsHttpHandler()),
                _ => null,
            };
        }
    }

    private sealed class PassingHandler(HttpMessageHandler inner) : DelegatingHandler(inner);
}
