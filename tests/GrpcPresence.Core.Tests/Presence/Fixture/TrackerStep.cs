namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>Something that happens to one of a few users.</summary>
/// <param name="Kind">What.</param>
/// <param name="User">To whom.</param>
/// <param name="Session">To which of the user's sessions.</param>
/// <param name="Number">The stream, or the milliseconds that pass, as the kind has it.</param>
public sealed record TrackerStep(StepKind Kind, int User, int Session, int Number);

/// <summary>What can happen.</summary>
public enum StepKind
{
    /// <summary>A heartbeat over no stream.</summary>
    Beat,

    /// <summary>A heartbeat over a stream that keeps its sessions.</summary>
    BeatOverStream,

    /// <summary>A session is ended.</summary>
    End,

    /// <summary>The client closes a stream and opens the next.</summary>
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

    /// <summary>A tick long after the one before.</summary>
    Pause,
}
