using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Sqlite.Files;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Reads the API keys before the listener opens. Fails when a network address is open to callers without credentials, unless the settings
/// allow it.
/// </summary>
internal sealed class AccessStartupCheck(
    IStoreReader store, ApiKeyCache keys, Authenticator authenticator, SecretFile secrets, ServerSettings settings,
        ILogger<AccessStartupCheck> logger) : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!PrivateFiles.TryRestrict(settings.SecretFile))
            Log.FilesShared(logger, settings.SecretFile);
        keys.Apply(await store.ListApiKeysAsync(cancellationToken), forgotten: []);
        if (settings.AllowAnonymous)
            Log.AnonymousAllowed(logger, settings.Address);
        else if (!authenticator.HasCredentials && settings.ListensToNetwork)
            throw OpenToNetwork(settings.Address);
        if (settings.AuthToken is { } token && !token.All(char.IsAsciiLetterOrDigit))
            Log.AuthTokenNotAlphanumeric(logger);
        var underived = CountUnderived();
        if (underived > 0)
            Log.SecretsMissing(logger, underived, settings.SecretFile);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private int CountUnderived()
    {
        try
        {
            return keys.List().Count(key => !key.IsRevoked && secrets.Find(key.Sid, key.Secret) is null);
        }
        catch (PresenceException exception) when (exception.InnerException is SettingsException cause)
        {
            throw cause;
        }
    }

    private static SettingsException OpenToNetwork(ListenAddress address) => new(
        $"{ServerSettings.Section}:{nameof(ServerSettings.Address)} is {address} and no API key exists, "
        + "so every client on the network would have full access. "
        + $"Create an API key first (keys create --role admin), set {nameof(ServerSettings.AuthToken)}, or listen on 127.0.0.1. "
        + "If something else keeps strangers out, pass --allow-anonymous.");
}
