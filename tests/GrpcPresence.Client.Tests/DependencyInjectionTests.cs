using GrpcPresence.Client.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests;

/// <summary>Tests the client in a collection of services.</summary>
public sealed class DependencyInjectionTests
{
    [Fact]
    public async Task The_container_creates_the_client_and_ends_its_sessions()
    {
        await using var server = await PresenceServer.StartAsync();
        var network = server.NewNetwork();
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddPresenceClient(options =>
        {
            options.Address = Network.Address;
            options.ServiceSid = server.ServiceSid;
            options.HttpHandlerFactory = network.NewHandler;
        });

        await using (var provider = services.BuildServiceProvider())
        {
            var presence = provider.GetRequiredService<IPresenceClient>();
            Assert.Same(presence, provider.GetRequiredService<IPresenceClient>());
            await using var users = await presence.WatchAsync(WatchOptions.Everybody);
            await presence.StartSessionAsync("ada");
            Assert.True(await server.IsOnlineAsync(server.ServiceSid, "ada"));
        }

        Assert.False(await server.IsOnlineAsync(server.ServiceSid, "ada"));
    }

    [Fact]
    public async Task A_second_addition_configures_the_same_client_and_its_settings_win()
    {
        await using var server = await PresenceServer.StartAsync();
        var network = server.NewNetwork();
        var services = new ServiceCollection();
        services.AddPresenceClient(options =>
        {
            options.Address = Network.Address;
            options.ServiceSid = TestClient.ServiceSid;
            options.HttpHandlerFactory = network.NewHandler;
        });
        services.AddPresenceClient(options => options.ServiceSid = server.ServiceSid);

        await using var provider = services.BuildServiceProvider();

        var presence = Assert.Single(provider.GetServices<IPresenceClient>());
        await presence.StartSessionAsync("ada");
        Assert.True(await server.IsOnlineAsync(server.ServiceSid, "ada"));
    }

    [Fact]
    public async Task At_the_default_level_the_client_logs_nothing_while_calls_succeed()
    {
        await using var server = await PresenceServer.StartAsync();
        using var log = new CollectedLog();
        await using (var provider = WithLog(server.NewNetwork(), server.ServiceSid, log))
        {
            var presence = provider.GetRequiredService<IPresenceClient>();
            await using var session = await presence.StartSessionAsync("ada");
            await using var users = await presence.WatchAsync(WatchOptions.Everybody);
        }

        Assert.Equal(0, log.Count);
    }

    [Fact]
    public async Task An_interruption_is_one_entry_of_the_client_and_none_of_the_layers_below_it()
    {
        await using var server = await PresenceServer.StartAsync();
        using var log = new CollectedLog();
        var network = server.NewNetwork();
        network.Port = null;
        await using var provider = WithLog(network, server.ServiceSid, log);

        var starting = provider.GetRequiredService<IPresenceClient>().StartSessionAsync("ada");

        Assert.Equal("Warning GrpcPresence.Client", await log.NextAsync());
        Assert.Equal("Warning GrpcPresence.Client", await log.NextAsync());
        network.Port = server.Port;
        await Barrier.Within(starting, "the session started");
    }

    [Fact]
    public async Task The_handlers_of_the_program_are_disposed_of_with_the_client()
    {
        var handlers = new List<CountingHandler>();
        var services = new ServiceCollection();
        services.AddPresenceClient(options =>
        {
            options.Address = Network.Address;
            options.ServiceSid = TestClient.ServiceSid;
            options.HttpHandlerFactory = () =>
            {
                handlers.Add(new CountingHandler());
                return handlers[^1];
            };
        });

        await using (var provider = services.BuildServiceProvider())
            provider.GetRequiredService<IPresenceClient>();

        Assert.Equal([1, 1], handlers.Select(handler => handler.Disposals));
    }

    [Fact]
    public void A_missing_setting_is_named()
    {
        using var provider = WithoutAddress().BuildServiceProvider();

        Assert.Contains("Address", Assert.Throws<ArgumentException>(provider.GetRequiredService<IPresenceClient>).Message);

        static IServiceCollection WithoutAddress() =>
            new ServiceCollection().AddPresenceClient(options => options.ServiceSid = TestClient.ServiceSid)
                .WithApiKey("SK1", "secret").Services;
    }

    private static ServiceProvider WithLog(Network network, string serviceSid, CollectedLog log)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddProvider(log));
        services.AddPresenceClient(options =>
        {
            options.Address = Network.Address;
            options.ServiceSid = serviceSid;
            options.HttpHandlerFactory = network.NewHandler;
            options.ReconnectDelay = options.MaxReconnectDelay = TimeSpan.FromMilliseconds(1);
        });
        return services.BuildServiceProvider();
    }

    private sealed class CountingHandler : HttpMessageHandler
    {
        public int Disposals { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException("The test sends nothing.");

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            Disposals++;
        }
    }
}
