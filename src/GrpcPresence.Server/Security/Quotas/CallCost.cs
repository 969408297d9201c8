namespace GrpcPresence.Server.Security.Quotas;

/// <summary>What a call charges to the quotas before it runs. Without another entry, a method is a read.</summary>
internal enum CallCost
{
    /// <summary>A read of a few rows. What the call reads beyond that is charged when it is known.</summary>
    Read,

    /// <summary>A heartbeat, or the end of a session.</summary>
    Heartbeat,

    /// <summary>A write.</summary>
    Write,

    /// <summary>Nothing. Streams charge for their opening, their heartbeats and their reads themselves.</summary>
    Free,
}
