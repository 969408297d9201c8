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
    public void A_missing_setting_is_named()
    {
        using var provider = WithoutAddress().BuildServiceProvider();

        Assert.Contains("Address", Assert.Throws<ArgumentException>(provider.GetRequiredService<IPresenceClient>).Message);

        static IServiceCollection WithoutAddress() =>
            new ServiceCollection().AddPresenceClient(options => options.ServiceSid = "IS1").WithApiKey("SK1", "secret").Services;
    }
}
