using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Metrics;
using GrpcPresence.Core.Users;
using GrpcPresence.Server.Mapping;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Hosting;

/// <summary>The parts of the domain that need nothing but the store.</summary>
internal static class CoreServices
{
    /// <summary>
    /// Adds the queue, the writer and what they need. Expects an <see cref="IPresenceStore"/>, <see cref="IUserCells"/> and
    /// <see cref="ICommitPublisher"/> beside it.
    /// </summary>
    public static IServiceCollection AddPresenceCore(this IServiceCollection services)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<ISidGenerator, RandomSidGenerator>();
        services.AddSingleton<IUserEncoder, UserEncoder>();
        services.AddSingleton<IStoreReader>(provider => provider.GetRequiredService<IPresenceStore>());
        services.AddSingleton<PresenceMetrics>();
        services.AddSingleton<StorageStatus>();
        services.AddSingleton<ServiceDirectory>();
        services.AddSingleton<ChangeQueue>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ChangeWriter>(
            provider, provider.GetRequiredService<ServerSettings>().TombstoneRetention));
        services.AddHostedService<ChangeWriterService>();
        return services;
    }
}
