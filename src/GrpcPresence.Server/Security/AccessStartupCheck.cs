using System.Net;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Before the listener opens, reads the API keys, and refuses to let everybody in from a network unless that is asked for.
/// </summary>
internal sealed class AccessStartupCheck(
    IStoreReader store, ApiKeyCache keys, Authenticator authenticator, SecretFile secrets, ServerSettings settings,
        ILogger<AccessStartupCheck> logger) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        keys.Apply(await store.ListApiKeysAsync(cancellationToken), forgotten: []);
        if (settings.AllowAnonymous)
            Log.AnonymousAllowed(logger, settings.Address);
        else if (!authenticator.HasCredentials && settings.ListensToNetwork)
            throw Refused(settings.Address);
        var underived = keys.List().Count(key => !key.IsRevoked && secrets.Find(key.Sid, key.Secret) is null);
        if (underived > 0)
            Log.SecretsMissing(logger, underived, settings.SecretFile);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static SettingsException Refused(IPAddress address) => new(
        $"{ServerSettings.Section}:{nameof(ServerSettings.Address)} is {address}, and there is no API key: everybody who reaches it would be let in. " +
        $"Make a key first (keys create --role admin), set {nameof(ServerSettings.AuthToken)}, listen on 127.0.0.1, or pass --allow-anonymous where something " +
        "else keeps strangers out.");
}
