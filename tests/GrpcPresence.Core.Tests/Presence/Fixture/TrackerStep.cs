namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>An event of one of a few users.</summary>
/// <param name="Kind">The kind of event.</param>
/// <param name="User">The user.</param>
/// <param name="Session">The session of the user.</param>
/// <param name="Number">The stream or the elapsed milliseconds, depending on the kind.</param>
public sealed record TrackerStep(StepKind Kind, int User, int Session, int Number);

/// <summary>The kinds of events.</summary>
public enum StepKind
{
    /// <summary>A heartbeat without a stream.</summary>
    Beat,

    /// <summary>A heartbeat over a stream that owns its sessions.</summary>
    BeatOverStream,

    /// <summary>The end of a session.</summary>
    End,

    /// <summary>The client closes a stream and opens the next one.</summary>
    Close,

    /// <summary>The user is deleted.</summary>
    Delete,

    /// <summary>Time passes, without a tick.</summary>
    Pass,

    /// <summary>Time passes with a tick each 100 ms.</summary>
    Tick,

    /// <summary>The writer writes.</summary>
    Write,

    /// <summary>The store begins to fail, or works again.</summary>
    Break,

    /// <summary>A tick long after the previous one.</summary>
    Pause,

    /// <summary>The shard of the user moves between the nodes of a cluster, which takes some time.</summary>
    Move,
}
