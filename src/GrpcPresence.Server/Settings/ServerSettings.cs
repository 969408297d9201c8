using System.Net;
using GrpcPresence.Core.Limits;

namespace GrpcPresence.Server.Settings;

/// <summary>How the server is set up. Immutable; every value is usable.</summary>
internal sealed record ServerSettings
{
    /// <summary>The section of the configuration that holds the settings.</summary>
    public const string Section = "Presence";

    /// <summary>The account of a deployment that does not say which it is of.</summary>
    public const string DefaultAccountSid = "AC00000000000000000000000000000000";

    /// <summary>The address to listen on.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port; 0 takes any free one. Without TLS it takes HTTP/2 alone, with TLS HTTP/1.1 too.</summary>
    public int Port { get; init; } = 5080;

    /// <summary>
    /// The port of the REST interface, which takes HTTP/1.1; 0 takes any free one, null is none. With TLS it is not listened on: there HTTP/1.1 has room
    /// on <see cref="Port"/>.
    /// </summary>
    public int? RestPort { get; init; } = 5081;

    /// <summary>What the REST interface calls the account that the deployment belongs to: <c>AC</c> and 32 hexadecimal digits.</summary>
    public string AccountSid { get; init; } = DefaultAccountSid;

    /// <summary>
    /// The secret of the account: who presents it with <see cref="AccountSid"/> may do everything, and webhooks are signed with it. Null is none. Where it
    /// is set, callers need credentials, as they do where there is an API key.
    /// </summary>
    public string? AuthToken { get; init; }

    /// <summary>The origins whose pages may call the REST interface from a browser; null is none.</summary>
    public AllowedOrigins? AllowedOrigins { get; init; }

    /// <summary>The file of the database, with its full path.</summary>
    public string Database { get; init; } = Path.GetFullPath("data/presence.db");

    /// <summary>The file of the half of every API key's secret that is not in the database, with its full path.</summary>
    public string SecretFile { get; init; } = Path.GetFullPath("data/presence.db.secret");

    /// <summary>The path of the operator's socket; null for none.</summary>
    public string? OperatorSocket { get; init; }

    /// <summary>Whether the operator's socket is all that is listened on.</summary>
    public bool IsForOperatorOnly { get; init; }

    /// <summary>Whether callers without credentials are let in although there are API keys, or although the address is not of this machine alone.</summary>
    public bool AllowAnonymous { get; init; }

    /// <summary>How events are logged.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>How long it is remembered that a user was deleted; at least an hour. A watch resumes without a snapshot for as long.</summary>
    public TimeSpan TombstoneRetention { get; init; } = Bounds.TombstoneRetention;

    /// <summary>How long a watch may make no progress while something is to be sent; at least a second.</summary>
    public TimeSpan WatchStallTimeout { get; init; } = Bounds.WatchStallTimeout;

    /// <summary>The silence after which a ping asks whether a client is still there: finds those that vanished without a word. At least a second.</summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the answer to a ping may take before its connection is closed; at least a second.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Connections that may be open at the same time; at least 1. One more is closed as soon as it is made: without a bound, whoever can reach the port can
    /// take all memory. Enough for gateways, each of which needs a few, and for thousands of clients that come by themselves.
    /// </summary>
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>How much service instances and callers may use.</summary>
    public QuotaSettings Quotas { get; init; } = new();

    /// <summary>The PEM file of the server's certificate and the intermediates above it, with its full path; null is no TLS.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary>The PEM file of the certificate's private key, which is not encrypted, with its full path; set if the certificate is.</summary>
    public string? TlsKey { get; init; }

    /// <summary>Whether clients have to show a certificate.</summary>
    public ClientCertificates ClientCertificates { get; init; }

    /// <summary>
    /// The PEM file of the authorities that client certificates must come from, with its full path; set if clients are asked for certificates. The
    /// machine's own authorities count for nothing.
    /// </summary>
    public string? ClientCertificateAuthorities { get; init; }

    /// <summary>Whether webhooks may lead into private networks, this machine among them.</summary>
    public bool AllowPrivateWebhooks { get; init; }

    /// <summary>Whether the server makes a service instance with users who come and go, to look at.</summary>
    public bool Demo { get; init; }

    /// <summary>Whether HTTP/1.1 has a port of its own.</summary>
    public bool ListensForRest => RestPort is not null && TlsCertificate is null && !IsForOperatorOnly;

    /// <summary>Whether others than this machine can reach the port.</summary>
    public bool ListensToNetwork => !IsForOperatorOnly && !IPAddress.IsLoopback(Address);
}
