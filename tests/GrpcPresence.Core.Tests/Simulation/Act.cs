namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>The kinds of steps.</summary>
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

    /// <summary>User A gets push binding B, whichever user had it.</summary>
    Bind,

    /// <summary>Push binding B is deleted.</summary>
    Unbind,

    /// <summary>Reachability is switched: mostly on.</summary>
    Switch,

    /// <summary>The writer writes one batch. Other steps only queue.</summary>
    Write,

    /// <summary>Some ticks pass.</summary>
    Wait,

    /// <summary>More than a session timeout passes.</summary>
    Sweep,

    /// <summary>A watch opens, with its own filter.</summary>
    Open,

    /// <summary>Client A reads up to B messages.</summary>
    Read,

    /// <summary>Client A disconnects and resumes with one of its tokens, not always the last.</summary>
    Resume,

    /// <summary>The store fails in one of several ways.</summary>
    Fault,

    /// <summary>Reads begin to hang, or stop hanging.</summary>
    Stall,

    /// <summary>One of the hanging reads completes, in any order.</summary>
    Release,

    /// <summary>The next batches do not reach the hub.</summary>
    Lose,

    /// <summary>The next batches reach the hub later, or never.</summary>
    Delay,

    /// <summary>One of the delayed batches reaches the hub, in any order, and perhaps again later.</summary>
    Arrive,

    /// <summary>A node of a cluster loses or gets its confirmation.</summary>
    Confirm,

    /// <summary>The process ends, and another begins with the committed data.</summary>
    Restart,

    /// <summary>A backup is made.</summary>
    Backup,

    /// <summary>The process ends, and another begins with the last backup. Later commits are lost.</summary>
    Restore,
}
