namespace GrpcPresence.Core.Domain.Errors;

/// <summary>The names of quotas and subjects, in the metadata of errors and the tags of metrics.</summary>
public static class QuotaNames
{
    /// <summary>Returns the name of the quota.</summary>
    public static string Of(Quota quota) => quota switch
    {
        Quota.OpenStreams => "open_streams",
        Quota.WatchedUsers => "watched_users",
        Quota.HeartbeatsPerSecond => "heartbeats_per_second",
        Quota.WritesPerSecond => "writes_per_second",
        Quota.Users => "users",
        Quota.NewStreamsPerSecond => "new_streams_per_second",
        Quota.PendingPreWebhooks => "pending_pre_webhooks",
        Quota.WebhookLookups => "webhook_lookups",
        Quota.WebhookConnections => "webhook_connections",
        Quota.RowsReadPerSecond => "rows_read_per_second",
        Quota.ConcurrentReads => "concurrent_reads",
        Quota.UnreadResponseBytes => "unread_response_bytes",
        Quota.InflatedKibPerSecond => "inflated_kib_per_second",
        Quota.OpenRequests => "open_requests",
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota has no name."),
    };

    /// <summary>Returns the name of the subject.</summary>
    public static string Of(QuotaSubject subject) => subject switch
    {
        QuotaSubject.ServiceInstance => "service_instance",
        QuotaSubject.Caller => "caller",
        QuotaSubject.Connection => "connection",
        _ => throw new ArgumentOutOfRangeException(nameof(subject), subject, "The subject has no name."),
    };
}
