namespace GrpcPresence.Server.Settings;

/// <summary>Reads the command line: <c>--port 5081</c>, <c>--port=5081</c>, <c>--demo</c>, or any setting as <c>--Presence:Port=5081</c>.</summary>
internal static class CommandLine
{
    private const string LongPrefix = "--";

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["host"] = nameof(ServerSettings.Address),
        ["port"] = nameof(ServerSettings.Port),
        ["rest-port"] = nameof(ServerSettings.RestPort),
        ["account-sid"] = nameof(ServerSettings.AccountSid),
        ["allowed-origins"] = nameof(ServerSettings.AllowedOrigins),
        ["secret-file"] = nameof(ServerSettings.SecretFile),
        ["operator-socket"] = nameof(ServerSettings.OperatorSocket),
        ["database"] = nameof(ServerSettings.Database),
        ["log-format"] = nameof(ServerSettings.LogFormat),
        ["tombstone-retention"] = nameof(ServerSettings.TombstoneRetention),
        ["watch-stall-timeout"] = nameof(ServerSettings.WatchStallTimeout),
        ["keep-alive-ping-delay"] = nameof(ServerSettings.KeepAlivePingDelay),
        ["keep-alive-ping-timeout"] = nameof(ServerSettings.KeepAlivePingTimeout),
        ["max-connections"] = nameof(ServerSettings.MaxConnections),
        ["tls-certificate"] = nameof(ServerSettings.TlsCertificate),
        ["tls-key"] = nameof(ServerSettings.TlsKey),
        ["client-certificates"] = nameof(ServerSettings.ClientCertificates),
        ["client-certificate-authorities"] = nameof(ServerSettings.ClientCertificateAuthorities),
    };

    // Stand alone and take no value.
    private static readonly Dictionary<string, (string Name, string Value)> Flags = new(StringComparer.OrdinalIgnoreCase)
    {
        ["allow-anonymous"] = (nameof(ServerSettings.AllowAnonymous), bool.TrueString),
        ["allow-private-webhooks"] = (nameof(ServerSettings.AllowPrivateWebhooks), bool.TrueString),
        ["demo"] = (nameof(ServerSettings.Demo), bool.TrueString),
        ["json-logs"] = (nameof(ServerSettings.LogFormat), nameof(LogFormat.Json)),
    };

    /// <summary>The settings that the command line names, as keys and values of the configuration; the last of two wins.</summary>
    /// <exception cref="SettingsException">An argument that is none, or lacks its value.</exception>
    public static IReadOnlyDictionary<string, string?> Read(IReadOnlyList<string> arguments)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            var (name, value) = Split(argument);
            if (Flags.TryGetValue(name, out var flag) && value is null)
                settings[KeyOf(flag.Name)] = flag.Value;
            else if (FindKey(name) is { } key)
                settings[key] = value ?? (++i < arguments.Count ? arguments[i] : throw new SettingsException($"{argument} needs a value."));
            else
                throw new SettingsException($"{argument} is not an option; {Options}.");
        }
        return settings;
    }

    private static string Options => "there are " + string.Join(", ", Aliases.Keys.Concat(Flags.Keys).Select(name => LongPrefix + name));

    private static (string Name, string? Value) Split(string argument)
    {
        if (!argument.StartsWith(LongPrefix, StringComparison.Ordinal))
            return ("", null);
        var parts = argument[LongPrefix.Length..].Split('=', 2);
        return (parts[0], parts.Length > 1 ? parts[1] : null);
    }

    private static string? FindKey(string name)
    {
        if (Aliases.TryGetValue(name, out var alias))
            return KeyOf(alias);
        return name.StartsWith(ServerSettings.Section + ':', StringComparison.OrdinalIgnoreCase) ? name : null;
    }

    private static string KeyOf(string name) => $"{ServerSettings.Section}:{name}";
}
