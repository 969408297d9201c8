namespace GrpcPresence.Core.Watching;

/// <summary>Where a watcher takes its users from.</summary>
internal enum WatchPhase
{
    /// <summary>From the store, all of them.</summary>
    Snapshot,

    /// <summary>From the store, those that changed since a revision.</summary>
    CatchUp,

    /// <summary>From memory, as they change.</summary>
    Live,
}
