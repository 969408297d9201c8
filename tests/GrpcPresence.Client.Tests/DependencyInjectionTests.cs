using GrpcPresence.Client.Tests.Fixture;
using Microsoft.Extensions.DependencyInjection;

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
            options.ServiceSid = "IS1";
            options.HttpHandlerFactory = network.NewHandler;
        });
        services.AddPresenceClient(options => options.ServiceSid = server.ServiceSid);

        await using var provider = services.BuildServiceProvider();

        var presence = Assert.Single(provider.GetServices<IPresenceClient>());
        await presence.StartSessionAsync("ada");
        Assert.True(await server.IsOnlineAsync(server.ServiceSid, "ada"));
    }

    [Fact]
    public void A_missing_setting_is_named()
    {
        using var provider = WithoutAddress().BuildServiceProvider();

        Assert.Contains("Address", Assert.Throws<ArgumentException>(provider.GetRequiredService<IPresenceClient>).Message);

        static IServiceCollection WithoutAddress() =>
            new ServiceCollection().AddPresenceClient(options => options.ServiceSid = "IS1").WithApiKey("SK1", "secret").Services;
    }
}
