using System.Net;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Settings.Attributes;

namespace GrpcPresence.Server.Settings;

/// <summary>How the server is set up. Immutable; every value is usable.</summary>
internal sealed record ServerSettings
{
    /// <summary>The section of the configuration that holds the settings.</summary>
    public const string Section = "Presence";

    /// <summary>The word for no port.</summary>
    public const string Off = "off";

    // sun_path of the smallest of the usual systems, without the zero that ends it.
    private const int MaxSocketPathBytes = 103;

    private const string None = "none";
    private const int MaxPort = 65535;

    /// <summary>The account of a deployment that does not say which it is of.</summary>
    public const string DefaultAccountSid = "AC00000000000000000000000000000000";

    /// <summary>The address of the listeners.</summary>
    [AddressSetting("The address to listen on", Option = "--host")]
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port; 0 takes any free one. Without TLS it serves HTTP/2 alone, with TLS also HTTP/1.1.</summary>
    [IntegerSetting("The port of gRPC; with TLS it also serves REST and gRPC-Web. 0 takes a free port", 0, MaxPort, Option = "--port")]
    public int Port { get; init; } = 5080;

    /// <summary>
    /// The port of the REST interface, which serves HTTP/1.1; 0 takes any free one, null is none. With TLS, <see cref="Port"/> serves
    /// HTTP/1.1 and this port is unused.
    /// </summary>
    [IntegerSetting("The port of REST and gRPC-Web without TLS. 0 takes a free port", 0, MaxPort, Off = Off, Option = "--rest-port")]
    public int? RestPort { get; init; } = 5081;

    /// <summary>The full path of the database file.</summary>
    [PathSetting("The SQLite database", Option = "--database", Default = "data/presence.db")]
    public string Database { get; init; } = Path.GetFullPath("data/presence.db");

    /// <summary>The full path of the file with the half of every API key's secret that is not in the database.</summary>
    [PathSetting(
        "The file from which the secrets of API keys are derived. It is not part of a backup",
        Option = "--secret-file",
        Default = "the database's path followed by .secret")]
    public string SecretFile { get; init; } = Path.GetFullPath("data/presence.db.secret");

    /// <summary>The path of the admin socket; null for none.</summary>
    [PathSetting(
        "The Unix socket that the command keys uses to reach a running server",
        Off = None,
        MaxBytes = MaxSocketPathBytes,
        Option = "--admin-socket",
        Default = "the database's path followed by .sock")]
    public string? AdminSocket { get; init; }

    /// <summary>
    /// Whether callers without credentials are accepted although there are API keys, or although other machines can reach the address.
    /// </summary>
    [FlagSetting("Accept callers without credentials, also from a network", Option = "--allow-anonymous")]
    public bool AllowAnonymous { get; init; }

    /// <summary>What the REST interface calls the account that the deployment belongs to: <c>AC</c> and 32 hexadecimal digits.</summary>
    [AccountSidSetting("The account SID of the deployment, as REST shows it", Option = "--account-sid")]
    public string AccountSid { get; init; } = DefaultAccountSid;

    /// <summary>
    /// The secret of the account, or null. With <see cref="AccountSid"/> it authorizes every call, and it signs webhooks. Where it is set,
    /// callers need credentials, as they do where there is an API key.
    /// </summary>
    [SecretSetting("The auth token of the account. It authorizes every call and signs webhooks; callers need credentials once it is set")]
    public string? AuthToken { get; init; }

    /// <summary>The origins whose pages may call the server from a browser; null is none.</summary>
    [OriginsSetting("The web origins whose pages may call the server from a browser", Option = "--allowed-origins")]
    public AllowedOrigins? AllowedOrigins { get; init; }

    /// <summary>The PEM file of the server's certificate and the intermediates above it, with its full path; null is no TLS.</summary>
    [PathSetting("The PEM file with the server's certificate, then its intermediates; switches TLS on", Option = "--tls-certificate")]
    public string? TlsCertificate { get; init; }

    /// <summary>
    /// The PEM file of the certificate's private key, which is not encrypted, with its full path; set if the certificate is.
    /// </summary>
    [PathSetting("The PEM file with the certificate's private key, not encrypted", Option = "--tls-key")]
    public string? TlsKey { get; init; }

    /// <summary>Whether clients present a certificate.</summary>
    [ChoiceSetting<ClientCertificates>("Whether clients present a certificate", Option = "--client-certificates")]
    public ClientCertificates ClientCertificates { get; init; }

    /// <summary>
    /// The PEM file of the authorities that client certificates must come from, with its full path; set if clients are asked for
    /// certificates. The machine's own authorities do not count.
    /// </summary>
    [PathSetting("The PEM file with the roots that client certificates must come from", Option = "--client-certificate-authorities")]
    public string? ClientCertificateAuthorities { get; init; }

    /// <summary>Whether webhooks may reach private networks, this machine among them.</summary>
    [FlagSetting("Allow webhooks to private addresses. Tenants choose webhook URLs", Option = "--allow-private-webhooks")]
    public bool AllowPrivateWebhooks { get; init; }

    /// <summary>How long the store remembers that a user was deleted. A watch resumes without a snapshot for as long.</summary>
    [DurationSetting(
        "How long deletions are remembered. A watch that resumes later gets a new snapshot", "01:00:00", "3650.00:00:00", Option = "--tombstone-retention")]
    public TimeSpan TombstoneRetention { get; init; } = Limits.TombstoneRetention;

    /// <summary>How long a watch may make no progress while the server has something to send.</summary>
    [DurationSetting(
        "How long the client of a watch may leave waiting data unread before the server ends the watch",
        "00:00:01",
        "1.00:00:00",
        Option = "--watch-stall-timeout")]
    public TimeSpan WatchStallTimeout { get; init; } = Limits.WatchStallTimeout;

    /// <summary>The silence after which the server pings a client, to find those that vanished.</summary>
    [DurationSetting(
        "The silence after which the server pings an HTTP/2 connection", "00:00:01", "1.00:00:00", Option = "--keep-alive-ping-delay")]
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the answer to a ping may take before the server closes the connection.</summary>
    [DurationSetting("The time in which a client must answer a ping", "00:00:01", "1.00:00:00", Option = "--keep-alive-ping-timeout")]
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Connections that may be open at the same time. The server closes one more as soon as it is accepted: without a bound, whoever can
    /// reach the port can take all memory. The default is enough for gateways, each of which needs a few, and for thousands of single
    /// clients.
    /// </summary>
    [IntegerSetting("Connections that may be open at the same time", 1, int.MaxValue, Option = "--max-connections")]
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>How much service instances and callers may use.</summary>
    public QuotaSettings Quotas { get; init; } = new();

    /// <summary>How the log is written.</summary>
    [ChoiceSetting<LogFormat>("The format of the log", Option = "--log-format", Shorthand = "--json-logs", ShorthandValue = "json")]
    public LogFormat LogFormat { get; init; }

    /// <summary>
    /// Which metrics Prometheus can read at <c>/metrics</c>. On by default: the basic metrics add nothing to the cost of a call, and the path
    /// is guarded like a method. Without credentials it answers only on a server that listens on loopback and has none configured.
    /// </summary>
    [ChoiceSetting<MetricsMode>("Which metrics /metrics serves; all adds the duration of each call", Option = "--metrics")]
    public MetricsMode Metrics { get; init; } = MetricsMode.Basic;

    /// <summary>Whether the server creates a service instance with simulated users, to look at.</summary>
    [FlagSetting("Create a service instance whose users come and go", Option = "--demo")]
    public bool Demo { get; init; }

    /// <summary>Whether the admin socket is all that is listened on.</summary>
    public bool HasAdminSocketOnly { get; init; }

    /// <summary>Whether HTTP/1.1 has a port of its own.</summary>
    public bool ListensForRest => RestPort is not null && TlsCertificate is null && !HasAdminSocketOnly;

    /// <summary>Whether others than this machine can reach the port.</summary>
    public bool ListensToNetwork => !HasAdminSocketOnly && !IPAddress.IsLoopback(Address);
}
