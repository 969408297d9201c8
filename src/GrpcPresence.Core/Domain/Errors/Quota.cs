namespace GrpcPresence.Core.Domain.Errors;

/// <summary>A quota. Rates are per second. The others are levels, which only fall when something is closed or deleted.</summary>
public enum Quota
{
    /// <summary>Watches that are open at the same time.</summary>
    OpenStreams,

    /// <summary>Users that open watches name, counted once for each watch.</summary>
    WatchedUsers,

    /// <summary>Heartbeats: unary calls and entries of stream messages.</summary>
    HeartbeatsPerSecond,

    /// <summary>Calls that change what is stored.</summary>
    WritesPerSecond,

    /// <summary>Users of a service instance.</summary>
    Users,

    /// <summary>Watches and heartbeat streams that are opened.</summary>
    NewStreamsPerSecond,

    /// <summary>Edits that wait for the pre-event webhook.</summary>
    PendingPreWebhooks,

    /// <summary>Lookups of the host names of webhooks that are in flight. Not a setting.</summary>
    WebhookLookups,

    /// <summary>Connections to webhook receivers. Not a setting.</summary>
    WebhookConnections,

    /// <summary>Rows of the store that calls and watches read.</summary>
    RowsReadPerSecond,

    /// <summary>Calls that read the store, or wait to read it, at the same time.</summary>
    ConcurrentReads,

    /// <summary>Bytes of responses that clients have not read yet. Not a setting.</summary>
    UnreadResponseBytes,

    /// <summary>KiB to which compressed messages inflate. Not a setting.</summary>
    InflatedKibPerSecond,

    /// <summary>Requests without verified credentials that are open at the same time.</summary>
    OpenRequests,
}
