using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
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
            provider.GetRequiredService<ServerSettings>().AllowPrivateWebhooks));
        services.AddSingleton(provider => WebhookLimits.New(
            provider.GetRequiredService<ServerSettings>(),
            FileBudget.Of(FileBudget.FindLimit()),
            provider.GetRequiredService<PresenceMetrics>()));
        services.AddSingleton(provider => new NameResolver(
            NameResolver.LookUpOnOwnThreadAsync,
            provider.GetRequiredService<WebhookLimits>().Lookups,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new WebhookConnectionPools(
            (use, connect) => WebhookHandler.New(new WebhookConnector(
                use,
                provider.GetRequiredService<WebhookAddressPolicy>(),
                provider.GetRequiredService<NameResolver>(),
                new HappyEyeballs(connect, provider.GetRequiredService<TimeProvider>())).ConnectAsync),
            provider.GetRequiredService<WebhookLimits>().Connections,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new WebhookClient(
            provider.GetRequiredService<WebhookConnectionPools>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<WebhookSecrets>();
        services.AddSingleton<WebhookLog>();
        services.AddSingleton<IWebhookSender, WebhookSender>();
        services.AddSingleton<PreHook>();
        services.AddSingleton(NewDispatcher);
        services.AddHostedService<WebhookService>();
        return services;
    }

    private static WebhookDispatcher NewDispatcher(IServiceProvider provider) => new(
        provider.GetRequiredService<IStoreReader>(),
        provider.GetRequiredService<CommandQueue>(),
        provider.GetRequiredService<IWebhookSender>(),
        provider.GetRequiredService<StorageStatus>(),
        provider.GetRequiredService<PresenceMetrics>(),
        provider.GetRequiredService<TimeProvider>(),
        Random.Shared,
        provider.GetService<NodeConfirmationCheck>()?.IsConfirmed);
}
