using System.Globalization;
using System.Net;
using System.Text;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Server.Access;

namespace GrpcPresence.Server.Settings;

/// <summary>Reads the settings. Binding by hand, so that every fault is one clear line.</summary>
internal static class SettingsReader
{
    /// <summary>The word for no port of REST.</summary>
    public const string Off = "off";

    private const int MaxPort = 65535;
    private const string SecretFileEnding = ".secret";
    private const string SocketEnding = ".sock";
    private const string None = "none";

    // Of 32 hexadecimal digits, as the product's tokens are; half of that cannot be guessed either.
    private const int MinAuthTokenLength = 16;
    private const int MaxAuthTokenLength = 256;
    private static readonly TimeSpan MinTombstoneRetention = TimeSpan.FromHours(1);

    // What Kestrel takes for its pings, and no less for a watch.
    private static readonly TimeSpan MinPatience = TimeSpan.FromSeconds(1);

    private static readonly HashSet<string> Names = new(
        [
            nameof(ServerSettings.Address), nameof(ServerSettings.Port), nameof(ServerSettings.RestPort), nameof(ServerSettings.AccountSid),
            nameof(ServerSettings.AuthToken), nameof(ServerSettings.AllowedOrigins), nameof(ServerSettings.AllowAnonymous), nameof(ServerSettings.Database),
            nameof(ServerSettings.SecretFile), nameof(ServerSettings.OperatorSocket), nameof(ServerSettings.LogFormat),
            nameof(ServerSettings.TombstoneRetention), nameof(ServerSettings.WatchStallTimeout), nameof(ServerSettings.KeepAlivePingDelay),
            nameof(ServerSettings.KeepAlivePingTimeout), nameof(ServerSettings.MaxConnections), QuotaSettings.Section,
            nameof(ServerSettings.TlsCertificate), nameof(ServerSettings.TlsKey), nameof(ServerSettings.ClientCertificates),
            nameof(ServerSettings.ClientCertificateAuthorities), nameof(ServerSettings.AllowPrivateWebhooks), nameof(ServerSettings.Demo),
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>The settings; what is not set has its default.</summary>
    /// <exception cref="SettingsException">A setting that does not exist, a value that cannot be used, or settings that do not go together.</exception>
    public static ServerSettings Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(ServerSettings.Section);
        foreach (var setting in section.GetChildren())
        {
            if (!Names.Contains(setting.Key))
                throw new SettingsException($"{setting.Path} is not a setting; there are {string.Join(", ", Names)}.");
        }

        var defaults = new ServerSettings();
        var database = Value(section, nameof(ServerSettings.Database), "must be the path of a file", defaults.Database, ReadPath);
        var settings = new ServerSettings
        {
            Address = Value(section, nameof(ServerSettings.Address), "must be an IP address", defaults.Address, ReadAddress),
            Port = Value(section, nameof(ServerSettings.Port), $"must be a whole number from 0 to {MaxPort}", defaults.Port, ReadPort),
            RestPort = ReadRestPort(section, defaults.RestPort!.Value),
            AccountSid = Value(
                section, nameof(ServerSettings.AccountSid), "must be AC and 32 hexadecimal digits", defaults.AccountSid, ReadAccountSid),
            AuthToken = ReadAuthToken(section),
            AllowedOrigins = ReadOrigins(section),
            AllowAnonymous = Flag(section, nameof(ServerSettings.AllowAnonymous), defaults.AllowAnonymous),
            Database = database,
            SecretFile = Value(section, nameof(ServerSettings.SecretFile), "must be the path of a file", database + SecretFileEnding, ReadPath),
            OperatorSocket = ReadSocket(section, database),
            LogFormat = Value(section, nameof(ServerSettings.LogFormat), "must be text or json", defaults.LogFormat, ReadLogFormat),
            TombstoneRetention = Value(
                section,
                nameof(ServerSettings.TombstoneRetention),
                "must be a duration of at least an hour, such as 30.00:00:00",
                defaults.TombstoneRetention,
                text => ReadDuration(text, MinTombstoneRetention)),
            WatchStallTimeout = Patience(section, nameof(ServerSettings.WatchStallTimeout), defaults.WatchStallTimeout),
            KeepAlivePingDelay = Patience(section, nameof(ServerSettings.KeepAlivePingDelay), defaults.KeepAlivePingDelay),
            KeepAlivePingTimeout = Patience(section, nameof(ServerSettings.KeepAlivePingTimeout), defaults.KeepAlivePingTimeout),
            MaxConnections = Value(
                section,
                nameof(ServerSettings.MaxConnections),
                $"must be a whole number from 1 to {int.MaxValue}",
                defaults.MaxConnections,
                ReadCount),
            Quotas = QuotaSettingsReader.Read(section),
            TlsCertificate = FilePath(section, nameof(ServerSettings.TlsCertificate)),
            TlsKey = FilePath(section, nameof(ServerSettings.TlsKey)),
            ClientCertificates = Value(
                section,
                nameof(ServerSettings.ClientCertificates),
                "must be none, optional or required",
                defaults.ClientCertificates,
                ReadClientCertificates),
            ClientCertificateAuthorities = FilePath(section, nameof(ServerSettings.ClientCertificateAuthorities)),
            AllowPrivateWebhooks = Flag(section, nameof(ServerSettings.AllowPrivateWebhooks), defaults.AllowPrivateWebhooks),
            Demo = Flag(section, nameof(ServerSettings.Demo), defaults.Demo),
        };
        TlsConsistency.Check(settings);
        return settings;
    }

    private static T Value<T>(IConfiguration section, string name, string rule, T unset, Func<string, T?> read)
        where T : struct
    {
        return section[name] is { } text ? read(text) ?? throw SettingsException.For(name, text, rule) : unset;
    }

    private static T Value<T>(IConfiguration section, string name, string rule, T unset, Func<string, T?> read)
        where T : class
    {
        return section[name] is { } text ? read(text) ?? throw SettingsException.For(name, text, rule) : unset;
    }

    private static IPAddress? ReadAddress(string text)
    {
        if (string.Equals(text, "localhost", StringComparison.OrdinalIgnoreCase))
            return IPAddress.Loopback;
        return IPAddress.TryParse(text, out var address) ? address : null;
    }

    private static int? ReadPort(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= MaxPort ? port : null;

    private static int? ReadRestPort(IConfiguration section, int unset)
    {
        const string Name = nameof(ServerSettings.RestPort);
        return string.Equals(section[Name], Off, StringComparison.OrdinalIgnoreCase)
            ? null
            : Value(section, Name, $"must be a whole number from 0 to {MaxPort}, or {Off}", unset, ReadPort);
    }

    private static string? ReadAccountSid(string text) => Sid.TryParse(text, "AC", out _) ? text : null;

    // What it is does not go into the message: it is a secret.
    private static string? ReadAuthToken(IConfiguration section)
    {
        const string Name = nameof(ServerSettings.AuthToken);
        if (section[Name] is not { } text)
            return null;
        return text.Length is >= MinAuthTokenLength and <= MaxAuthTokenLength && text.All(letter => letter is > ' ' and <= '~')
            ? text
            : throw new SettingsException(
                $"{ServerSettings.Section}:{Name} must be {MinAuthTokenLength} to {MaxAuthTokenLength} printable characters of ASCII, without spaces.");
    }

    private static AllowedOrigins? ReadOrigins(IConfiguration section) => section[nameof(ServerSettings.AllowedOrigins)] is { } text
        ? AllowedOrigins.Read(text) ?? throw SettingsException.For(nameof(ServerSettings.AllowedOrigins), text, AllowedOrigins.Rule)
        : null;

    private static int? ReadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null;

    // Of a file that is there only if it is named: no default.
    private static string? FilePath(IConfiguration section, string name) =>
        section[name] is { } text ? ReadPath(text) ?? throw SettingsException.For(name, text, "must be the path of a file") : null;

    private static string? ReadPath(string text)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal))
            return null;
        var path = Path.GetFullPath(text);
        return Path.EndsInDirectorySeparator(path) || Directory.Exists(path) ? null : path;
    }

    /// <summary>Beside the database, unless its path is too long for a socket and nobody asked for one.</summary>
    private static string? ReadSocket(IConfiguration section, string database)
    {
        const string Name = nameof(ServerSettings.OperatorSocket);
        if (string.Equals(section[Name], None, StringComparison.OrdinalIgnoreCase))
            return null;
        return section[Name] is null
            ? ReadSocketPath(database + SocketEnding)
            : Value(section, Name, $"must be a path of at most {OperatorSocket.MaxPathBytes} bytes, or {None}", unset: "", ReadSocketPath);
    }

    private static string? ReadSocketPath(string text) =>
        ReadPath(text) is { } path && Encoding.UTF8.GetByteCount(path) <= OperatorSocket.MaxPathBytes ? path : null;

    private static LogFormat? ReadLogFormat(string text) => text.ToUpperInvariant() switch
    {
        "TEXT" => LogFormat.Text,
        "JSON" => LogFormat.Json,
        _ => null,
    };

    private static ClientCertificates? ReadClientCertificates(string text) => text.ToUpperInvariant() switch
    {
        "NONE" => ClientCertificates.None,
        "OPTIONAL" => ClientCertificates.Optional,
        "REQUIRED" => ClientCertificates.Required,
        _ => null,
    };

    private static TimeSpan Patience(IConfiguration section, string name, TimeSpan unset) =>
        Value(section, name, "must be a duration of at least a second, such as 00:00:30", unset, text => ReadDuration(text, MinPatience));

    private static TimeSpan? ReadDuration(string text, TimeSpan least) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var duration) && duration >= least ? duration : null;

    private static bool Flag(IConfiguration section, string name, bool unset) => Value(section, name, "must be true or false", unset, ReadFlag);

    private static bool? ReadFlag(string text) => bool.TryParse(text, out var flag) ? flag : null;
}
