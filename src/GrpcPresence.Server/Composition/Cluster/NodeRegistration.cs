using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Postgres.Cluster;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>Registers a node of a cluster on PostgreSQL and Orleans. A process that does not call it loads neither for a cluster.</summary>
internal static class NodeRegistration
{
    /// <summary>Adds the node that the settings describe. Call it after the domain and the store were added.</summary>
    public static IServiceCollection AddNode(this IServiceCollection services)
    {
        services.AddSingleton<NodeTransport>();
        services.AddSingleton(provider => provider.GetRequiredService<NodeTransport>().View);
        services.AddSingleton(provider => provider.GetRequiredService<NodeTransport>().Channel);
        services.AddHostedService(provider => provider.GetRequiredService<NodeTransport>());
        return services.AddClusterNode();
    }

    /// <summary>
    /// Returns what all nodes must agree on. They must have the same secret file, so no node creates one by itself.
    /// </summary>
    /// <exception cref="SettingsException">The file does not exist, or cannot be used.</exception>
    public static PostgresClusterOptions OptionsOf(ServerSettings settings, SecretFile secrets)
    {
        var key = FindKey(secrets) ?? throw new SettingsException(
            $"{SettingsCatalog.Get(nameof(settings.SecretFile)).Key} \"{settings.SecretFile}\" does not exist. All nodes of a cluster need "
            + "the same file. Create it once, for example with: openssl rand -hex 64, and give each node a copy.");
        return new PostgresClusterOptions
        {
            ClusterId = settings.ClusterId,
            SecretCheck = PostgresClusterOptions.CheckOf(key, settings.ClusterId),
        };
    }

    private static byte[]? FindKey(SecretFile secrets)
    {
        try
        {
            return secrets.FindKey();
        }
        catch (PresenceException exception) when (exception.InnerException is SettingsException cause)
        {
            throw new SettingsException(cause.Message);
        }
    }
}
