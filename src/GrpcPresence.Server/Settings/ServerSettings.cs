using System.Net;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Settings.Attributes;

namespace GrpcPresence.Server.Settings;

/// <summary>The settings of the server. Immutable; every value is valid.</summary>
internal sealed record ServerSettings
{
    /// <summary>The section of the configuration that holds the settings.</summary>
    public const string Section = "Presence";

    /// <summary>The word that switches a port off.</summary>
    public const string Off = "off";

    // The smallest sun_path of the common operating systems, without the terminating zero.
    private const int MaxSocketPathBytes = 103;

    private const string None = "none";
    private const int MaxPort = 65535;

    /// <summary>The account SID of a deployment that does not configure one.</summary>
    public const string DefaultAccountSid = "AC00000000000000000000000000000000";

    /// <summary>The address of the listeners.</summary>
    [AddressSetting("The address to listen on. localhost is the loopback address of both families", Option = "--host")]
    public ListenAddress Address { get; init; } = ListenAddress.Loopback;

    /// <summary>The port; 0 selects a free port. Without TLS it serves HTTP/2 only, with TLS also HTTP/1.1.</summary>
    [IntegerSetting("The port of gRPC; with TLS it also serves REST and gRPC-Web. 0 selects a free port", 0, MaxPort, Option = "--port")]
    public int Port { get; init; } = 5080;

    /// <summary>
    /// The port of the REST interface, which serves HTTP/1.1; 0 selects a free port, null switches it off. With TLS, <see cref="Port"/>
    /// serves HTTP/1.1 and this port is unused.
    /// </summary>
    [IntegerSetting("The port of REST and gRPC-Web without TLS. 0 selects a free port", 0, MaxPort, Off = Off, Option = "--rest-port")]
    public int? RestPort { get; init; } = 5081;

    /// <summary>The port of HTTP probes on the loopback address; 0 selects a free port, null switches it off.</summary>
    [IntegerSetting(
        "The port of HTTP health probes on 127.0.0.1, without TLS or credentials. 0 selects a free port",
        0,
        MaxPort,
        Off = Off,
        Option = "--probe-port")]
    public int? ProbePort { get; init; }

    /// <summary>The full path of the database file.</summary>
    [PathSetting("The file of the SQLite database", Option = "--database", Default = "data/presence.db")]
    public string Database { get; init; } = Path.GetFullPath("data/presence.db");

    /// <summary>The PostgreSQL database that takes the place of the SQLite file; null for the file.</summary>
    [PostgresSetting("The PostgreSQL database to use instead of the SQLite file; see docs/postgres.md", Option = "--postgres")]
    public PostgresConnection? Postgres { get; init; }

    /// <summary>
    /// The address at which the other nodes of a cluster reach this one, and which is its name; null for a server that runs alone.
    /// </summary>
    [NodeAddressSetting(
        "The address at which the other nodes of a cluster reach this one. Makes the server a node. It needs Postgres, and the secret file "
            + "that all nodes share. Beyond loopback it also needs TlsCertificate, TlsKey and ClientCertificateAuthorities",
        Option = "--node-address")]
    public IPEndPoint? NodeAddress { get; init; }

    /// <summary>The name of the cluster. Nodes with another one never meet.</summary>
    [ClusterIdSetting("The name of the cluster, the same for all its nodes", Option = "--cluster-id")]
    public string ClusterId { get; init; } = "presence";

    /// <summary>
    /// The full path of the file from which the secrets of API keys are derived. The database alone cannot reproduce them.
    /// </summary>
    [PathSetting(
        "The file from which the secrets of API keys are derived. Backups do not contain it",
        Option = "--secret-file",
        Default = "the database's path followed by .secret; with Postgres, data/presence.secret")]
    public string SecretFile { get; init; } = Path.GetFullPath("data/presence.db.secret");

    /// <summary>The path of the admin socket; null when it is off.</summary>
    [PathSetting(
        "The Unix socket through which the command keys reaches a running server",
        Off = None,
        MaxBytes = MaxSocketPathBytes,
        IsSocket = true,
        Option = "--admin-socket",
        Default = "the database's path followed by .sock; with Postgres, data/presence.sock")]
    public string? AdminSocket { get; init; }

    /// <summary>Whether to accept callers without credentials even if API keys exist, or if other machines can reach the address.</summary>
    [FlagSetting("Accept callers without credentials, including callers from a network", Option = "--allow-anonymous")]
    public bool AllowAnonymous { get; init; }

    /// <summary>The account SID that the REST interface reports: <c>AC</c> and 32 hexadecimal digits.</summary>
    [AccountSidSetting("The account SID of the deployment, which REST resources contain", Option = "--account-sid")]
    public string AccountSid { get; init; } = DefaultAccountSid;

    /// <summary>
    /// The secret of the account, or null. Together with <see cref="AccountSid"/> it authorizes every call. It also signs webhooks. If it
    /// is set, callers need credentials, as they do when an API key exists.
    /// </summary>
    [SecretSetting("The auth token of the account. It authorizes every call and signs webhooks. If it is set, callers need credentials")]
    public string? AuthToken { get; init; }

    /// <summary>The origins whose pages may call the server from a browser; null for no origin.</summary>
    [OriginsSetting("The web origins whose pages may call the server from a browser", Option = "--allowed-origins")]
    public AllowedOrigins? AllowedOrigins { get; init; }

    /// <summary>
    /// Names by which clients may call in addition to loopback names, while they need no credentials; null for none. A web page whose name
    /// was made to resolve to this machine could otherwise read everything (DNS rebinding).
    /// </summary>
    [HostsSetting(
        "While callers need no credentials: the host names by which they may call, in addition to loopback names",
        Option = "--allowed-hosts")]
    public AllowedHosts? AllowedHosts { get; init; }

    /// <summary>
    /// The networks of proxies whose <c>X-Forwarded-For</c>, <c>-Proto</c>, <c>-Host</c> and <c>-Prefix</c> count; null for none. Anybody
    /// could send these headers, and so choose the URLs in a response that a cache keeps for others.
    /// </summary>
    [NetworksSetting(
        "The proxies whose X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Prefix decide the URLs in responses of REST, and whose "
            + "X-Forwarded-For says which client failed to authenticate",
        Option = "--trusted-proxies")]
    public TrustedNetworks? TrustedProxies { get; init; }

    /// <summary>The full path of the PEM file with the server's certificate and its intermediates; null when TLS is off.</summary>
    [PathSetting("The PEM file with the server's certificate, followed by its intermediates. Enables TLS", Option = "--tls-certificate")]
    public string? TlsCertificate { get; init; }

    /// <summary>The full path of the PEM file with the certificate's unencrypted private key; set if the certificate is set.</summary>
    [PathSetting("The PEM file with the certificate's private key, unencrypted", Option = "--tls-key")]
    public string? TlsKey { get; init; }

    /// <summary>Whether clients must present a certificate.</summary>
    [ChoiceSetting<ClientCertificates>("Whether clients must present a certificate", Option = "--client-certificates")]
    public ClientCertificates ClientCertificates { get; init; }

    /// <summary>
    /// The full path of the PEM file with the authorities that issue client certificates; set if the server requests client certificates.
    /// The machine's own authorities are not trusted.
    /// </summary>
    [PathSetting("The PEM file with the root certificates of client certificates", Option = "--client-certificate-authorities")]
    public string? ClientCertificateAuthorities { get; init; }

    /// <summary>Whether webhooks may call private networks, including this machine.</summary>
    [FlagSetting("Allow webhooks to private addresses. Use with care: tenants choose the URLs", Option = "--allow-private-webhooks")]
    public bool AllowPrivateWebhooks { get; init; }

    /// <summary>
    /// How long the store keeps the record of a deleted user. A watch that resumes within this time needs no new snapshot.
    /// </summary>
    [DurationSetting(
        "How long the server remembers deletions. A watch that resumes later receives a new snapshot",
        "01:00:00",
        "3650.00:00:00",
        Option = "--tombstone-retention")]
    public TimeSpan TombstoneRetention { get; init; } = Limits.TombstoneRetention;

    /// <summary>How long a watch may make no progress while the server has data to send.</summary>
    [DurationSetting(
        "How long a client may leave data of a watch unread before the server ends the watch",
        "00:00:01",
        "1.00:00:00",
        Option = "--watch-stall-timeout")]
    public TimeSpan WatchStallTimeout { get; init; } = Limits.WatchStallTimeout;

    /// <summary>How long a connection may be silent before the server pings the client, to detect lost clients.</summary>
    [DurationSetting(
        "How long an HTTP/2 connection may be silent before the server pings it",
        "00:00:01",
        "1.00:00:00",
        Option = "--keep-alive-ping-delay")]
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the server waits for the answer to a ping before it closes the connection.</summary>
    [DurationSetting(
        "How long the server waits for the answer to a ping before it closes the connection",
        "00:00:01",
        "1.00:00:00",
        Option = "--keep-alive-ping-timeout")]
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// The maximum number of open connections. The server closes further connections as soon as it accepts them. Without a limit, a client
    /// that can reach the port could use up all memory. The default is enough for gateways, each of which needs a few connections, and for
    /// thousands of single clients.
    /// </summary>
    [IntegerSetting("The maximum number of open connections", 1, int.MaxValue, Option = "--max-connections")]
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>The quotas of service instances and callers.</summary>
    public QuotaSettings Quotas { get; init; } = new();

    /// <summary>The format of the log.</summary>
    [ChoiceSetting<LogFormat>("The format of the log", Option = "--log-format", Shorthand = "--json-logs", ShorthandValue = "json")]
    public LogFormat LogFormat { get; init; }

    /// <summary>
    /// The metrics that Prometheus can read at <c>/metrics</c>. On by default: the basic metrics add no cost to a call, and the path
    /// requires the same authorization as a method. Without credentials it answers only if the server listens on loopback and has no
    /// credentials configured.
    /// </summary>
    [ChoiceSetting<MetricsMode>("The metrics that /metrics serves. all adds the duration of each call", Option = "--metrics")]
    public MetricsMode Metrics { get; init; } = MetricsMode.Basic;

    /// <summary>Whether the server creates a service instance with simulated users, for demonstration.</summary>
    [FlagSetting("Create a demo service instance whose users go online and offline", Option = "--demo")]
    public bool Demo { get; init; }

    /// <summary>Whether the server listens on the admin socket only.</summary>
    public bool HasAdminSocketOnly { get; init; }

    /// <summary>Whether HTTP/1.1 has its own port.</summary>
    public bool ListensForRest => RestPort is not null && TlsCertificate is null && !HasAdminSocketOnly;

    /// <summary>Whether other machines can reach the port.</summary>
    public bool ListensToNetwork => !HasAdminSocketOnly && !IPAddress.IsLoopback(Address.Ip);
}
