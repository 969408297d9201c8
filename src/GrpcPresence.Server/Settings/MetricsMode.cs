namespace GrpcPresence.Server.Settings;

/// <summary>Which metrics Prometheus can read.</summary>
internal enum MetricsMode
{
    /// <summary>None: the path does not exist.</summary>
    Off,

    /// <summary>Those that cost a call nothing.</summary>
    Basic,

    /// <summary>Those too that are recorded with each call: its duration by route.</summary>
    All,
}
