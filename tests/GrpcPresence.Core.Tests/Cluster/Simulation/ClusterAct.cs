namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>The kinds of steps.</summary>
internal enum ClusterAct
{
    /// <summary>Some time passes.</summary>
    Wait,

    /// <summary>A heartbeat of user A's session B comes to some node.</summary>
    Beat,

    /// <summary>A heartbeat of user A comes over a heartbeat stream to some node.</summary>
    Stream,

    /// <summary>One heartbeat stream is closed, or all of them.</summary>
    Close,

    /// <summary>User A's session B ends.</summary>
    End,

    /// <summary>User A is created.</summary>
    Create,

    /// <summary>User A gets the name B.</summary>
    Rename,

    /// <summary>User A is deleted.</summary>
    Delete,

    /// <summary>Reachability is switched: mostly on.</summary>
    Switch,

    /// <summary>A watch opens at some node.</summary>
    Open,

    /// <summary>Client A reads up to B messages.</summary>
    Read,

    /// <summary>Client A disconnects, and resumes at some node with one of its tokens.</summary>
    Resume,

    /// <summary>A node starts, if fewer than seven run.</summary>
    Start,

    /// <summary>A node is killed, unless it is the last one.</summary>
    Kill,

    /// <summary>A node leaves, unless it is the last one.</summary>
    Leave,

    /// <summary>A node is paused.</summary>
    Pause,

    /// <summary>Every paused node goes on.</summary>
    Unpause,

    /// <summary>The network between two machines is cut, in one direction or in both.</summary>
    Cut,

    /// <summary>All cuts end.</summary>
    Heal,

    /// <summary>The network becomes good or bad.</summary>
    Weather,

    /// <summary>Nodes cannot reach the store: one, or all.</summary>
    CutOff,

    /// <summary>All nodes reach the store.</summary>
    Reconnect,

    /// <summary>The next commit of a node fails in one of several ways.</summary>
    Fault,

    /// <summary>A commit that is on its way lands.</summary>
    Land,

    /// <summary>A standby is promoted that lacks the last commits of up to two seconds.</summary>
    Promote,

    /// <summary>The back end answers webhooks at once, slowly, or with errors.</summary>
    Hook,

    /// <summary>Callers ask some node for many writes at once.</summary>
    Burst,

    /// <summary>A node purges, as its writer does once a minute.</summary>
    Purge,

    /// <summary>The calls of one kind to the store wait at a node from now on, before their effect.</summary>
    Hold,

    /// <summary>One of the waiting calls goes on, in any order; or all, and no further one waits.</summary>
    Release,

    /// <summary>The next call of one kind to the store fails at a node, before its effect or after it.</summary>
    LoseAnswer,
}
