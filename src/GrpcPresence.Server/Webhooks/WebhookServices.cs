using System.Net;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>Registers the services of webhooks.</summary>
internal static class WebhookServices
{
    /// <summary>
    /// Adds the dispatcher and its sender. Call it after the writer and the recovery are added, so that the dispatcher stops before them.
    /// </summary>
    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddSingleton(provider => new WebhookAddressPolicy(
            provider.GetRequiredService<ServerSettings>().AllowPrivateWebhooks,
            host => Dns.GetHostAddressesAsync(host),
            HappyEyeballs.OverTcp(provider.GetRequiredService<TimeProvider>())));
        services.AddSingleton(provider => WebhookHandler.New(provider.GetRequiredService<WebhookAddressPolicy>()));
        services.AddSingleton(provider => new WebhookClient(
            provider.GetRequiredService<SocketsHttpHandler>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<WebhookSecrets>();
        services.AddSingleton<WebhookLog>();
        services.AddSingleton<IWebhookSender, WebhookSender>();
        services.AddSingleton<PreHook>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<WebhookDispatcher>(provider, Random.Shared));
        services.AddHostedService<WebhookService>();
        return services;
    }
}
