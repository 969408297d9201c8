namespace GrpcPresence.Server.Settings;

/// <summary>The metrics that Prometheus can read.</summary>
internal enum MetricsMode
{
    /// <summary>None: the path does not exist.</summary>
    Off,

    /// <summary>Only the metrics that add no cost to a call.</summary>
    Basic,

    /// <summary>All metrics, including those recorded with each call: its duration by route.</summary>
    All,
}
