namespace GrpcPresence.Core.Tests.Watching;

/// <summary>The kinds of steps of a <see cref="SimulatedCluster"/>.</summary>
public enum NodeAct
{
    /// <summary>A heartbeat of a user at the node that holds it.</summary>
    Beat,

    /// <summary>The user's session ends.</summary>
    End,

    /// <summary>A user is created.</summary>
    Create,

    /// <summary>A user gets another name.</summary>
    Rename,

    /// <summary>A user is deleted.</summary>
    Delete,

    /// <summary>The node switches reachability: mostly on.</summary>
    Switch,

    /// <summary>One of the commits on their way to the node arrives, in any order.</summary>
    Deliver,

    /// <summary>One of them arrives, and will arrive again.</summary>
    Repeat,

    /// <summary>One of them is lost.</summary>
    Lose,

    /// <summary>The node asks the store for the revision of the service instance.</summary>
    Poll,

    /// <summary>A few milliseconds pass at the node.</summary>
    Wait,

    /// <summary>A tick passes at the node.</summary>
    Tick,

    /// <summary>More than a session timeout passes at the node.</summary>
    Sweep,

    /// <summary>A watch opens at the node.</summary>
    Open,

    /// <summary>A client reads some messages.</summary>
    Read,

    /// <summary>A client disconnects and resumes at the node with one of its tokens.</summary>
    Resume,

    /// <summary>Reads of the node begin to hang, or stop hanging.</summary>
    Stall,

    /// <summary>One of the hanging reads of the node completes.</summary>
    Release,

    /// <summary>Reads of the node begin to fail, or work again.</summary>
    FailReads,

    /// <summary>The node loses or gets its confirmation.</summary>
    Confirm,
}

/// <summary>One step. The numbers select among what exists when it runs, so that any part of a history runs.</summary>
public sealed record NodeStep(NodeAct Act, int Node, int A, int B);
