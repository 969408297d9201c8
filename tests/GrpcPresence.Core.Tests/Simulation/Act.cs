namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>What can happen.</summary>
internal enum Act
{
    /// <summary>A heartbeat of user A's session B.</summary>
    Beat,

    /// <summary>User A's session B ends.</summary>
    End,

    /// <summary>User A is created.</summary>
    Create,

    /// <summary>User A gets the name B.</summary>
    Rename,

    /// <summary>User A is deleted.</summary>
    Delete,

    /// <summary>User A gets push binding B, wherever it was.</summary>
    Bind,

    /// <summary>Push binding B goes.</summary>
    Unbind,

    /// <summary>Reachability is switched: mostly on.</summary>
    Switch,

    /// <summary>The writer writes one batch. Other steps only queue.</summary>
    Write,

    /// <summary>Some ticks pass.</summary>
    Wait,

    /// <summary>More than a session timeout passes.</summary>
    Sweep,

    /// <summary>A watch is opened, with a filter of its own.</summary>
    Open,

    /// <summary>Client A takes B messages, if there are any.</summary>
    Read,

    /// <summary>Client A leaves and comes back with one of its tokens, not always the last.</summary>
    Resume,

    /// <summary>The store fails in one of several ways.</summary>
    Fault,

    /// <summary>Reads begin to hang, or do not any more.</summary>
    Stall,

    /// <summary>One of the reads that hang completes, whichever it is.</summary>
    Release,

    /// <summary>The next batches do not reach the hub.</summary>
    Lose,

    /// <summary>The process ends, and another begins with what was committed.</summary>
    Restart,

    /// <summary>A backup is made.</summary>
    Backup,

    /// <summary>The process ends, and another begins with the last backup: what was committed since is lost.</summary>
    Restore,
}
