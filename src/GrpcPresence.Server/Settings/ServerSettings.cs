using System.Net;
using GrpcPresence.Core.Limits;

namespace GrpcPresence.Server.Settings;

/// <summary>How the server is set up. Immutable; every value is usable.</summary>
internal sealed record ServerSettings
{
    /// <summary>The section of the configuration that holds the settings.</summary>
    public const string Section = "Presence";

    /// <summary>The address to listen on.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port of gRPC, HTTP/2 without TLS; 0 takes any free one.</summary>
    public int Port { get; init; } = 5080;

    /// <summary>The file of the database, with its full path.</summary>
    public string Database { get; init; } = Path.GetFullPath("data/presence.db");

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

    /// <summary>Whether the server makes a service instance with users who come and go, to look at.</summary>
    public bool Demo { get; init; }
}
