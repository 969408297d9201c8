namespace GrpcPresence.Server.Security.Quotas;

/// <summary>What a call charges to the quotas. Streams charge for their opening and their heartbeats themselves.</summary>
internal enum CallCost
{
    /// <summary>Nothing, because the call only reads.</summary>
    Free,

    /// <summary>A heartbeat, or the end of a session.</summary>
    Heartbeat,

    /// <summary>A write.</summary>
    Write,
}
