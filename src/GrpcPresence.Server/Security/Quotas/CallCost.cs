namespace GrpcPresence.Server.Security.Quotas;

/// <summary>What a call takes of the quotas. A stream takes what it does by itself: it is opened, and has heartbeats.</summary>
internal enum CallCost
{
    /// <summary>Nothing: it reads.</summary>
    Free,

    /// <summary>A heartbeat, or the end of a session.</summary>
    Heartbeat,

    /// <summary>A write.</summary>
    Write,
}
