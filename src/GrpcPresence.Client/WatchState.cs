namespace GrpcPresence.Client;

/// <summary>Whether the state of a watch is up to date.</summary>
public enum WatchState
{
    /// <summary>Changes arrive as they happen.</summary>
    Live = 0,

    /// <summary>The connection is broken, or the watch receives what it missed.</summary>
    Resuming = 1,

    /// <summary>The watch was disposed, or the server rejected it.</summary>
    Ended = 2,
}
