using System.Diagnostics.Metrics;

namespace GrpcPresence.Core.Telemetry;

/// <summary>
/// The metrics of the service, under the meter <c>GrpcPresence</c>. Names and units follow OpenTelemetry. Safe from any thread.
/// </summary>
public sealed class PresenceMetrics : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "GrpcPresence";

    // In seconds. OpenTelemetry's default boundaries suit milliseconds: nearly every duration here would fall into the first bucket.
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private readonly Meter _meter;
    private readonly Counter<long> _transitions;
    private readonly Histogram<double> _commitDuration;
    private readonly Histogram<int> _batchSize;
    private readonly UpDownCounter<int> _watchers;
    private readonly Counter<long> _catchUps;
    private readonly Counter<long> _resets;
    private readonly Histogram<double> _leaseLateness;
    private readonly Counter<long> _quotaRejections;
    private readonly Counter<long> _webhooks;
    private readonly Counter<long> _failedAuthentications;
    private readonly Counter<long> _webhookCapacity;
    private readonly Counter<long> _suppressedLogEntries;

    /// <summary>Creates the instruments, with or without a factory.</summary>
    public PresenceMetrics(IMeterFactory? factory = null)
    {
        _meter = factory?.Create(MeterName) ?? new Meter(MeterName);
        _transitions = _meter.CreateCounter<long>("presence.transitions", "{transition}", "Users that came online or went offline.");
        _commitDuration = CreateDuration("presence.commit.duration", "Time from taking a batch of changes until it is committed.");
        _batchSize = _meter.CreateHistogram<int>("presence.commit.changes", "{change}", "Changes in a committed batch.");
        _watchers = _meter.CreateUpDownCounter<int>("presence.watchers", "{watcher}", "Open watches.");
        _catchUps = _meter.CreateCounter<long>(
            "presence.watch.catch_ups", "{catch_up}", "Times a slow watcher dropped its pending updates and read the store.");
        _resets = _meter.CreateCounter<long>("presence.watch.resets", "{reset}", "Snapshots sent to watchers, by reason.");
        _leaseLateness = CreateDuration("presence.lease.lateness", "Time from the end of a lease until the server decided that it ended.");
        _quotaRejections = _meter.CreateCounter<long>(
            "presence.quota.refusals", "{refusal}", "Calls and heartbeats rejected because a quota was used up, by quota.");
        _webhooks = _meter.CreateCounter<long>(
            "presence.webhook.deliveries", "{delivery}", "Webhooks sent, by outcome, and webhooks given up.");
        _failedAuthentications = _meter.CreateCounter<long>(
            "presence.authentication.failures", "{failure}", "Callers rejected for their credentials, by kind of credentials and reason.");
        _webhookCapacity = _meter.CreateCounter<long>(
            "presence.webhook.capacity_refusals",
            "{refusal}",
            "Edits rejected and webhooks deferred because the server had no capacity to send them, by resource.");
        _suppressedLogEntries = _meter.CreateCounter<long>(
            "presence.log.suppressed_entries", "{entry}", "Log entries that were not written, because a tenant caused too many, by kind.");
    }

    /// <summary>Counts a rejected caller, by the kind of its credentials and the reason.</summary>
    public void AuthenticationFailed(string kind, string reason) => _failedAuthentications.Add(
        1,
        new KeyValuePair<string, object?>("presence.credentials", kind),
        new KeyValuePair<string, object?>("presence.reason", reason));

    /// <summary>Observes the number of live sessions.</summary>
    public void ObserveSessions(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.sessions", read, "{session}", "Live sessions.");

    /// <summary>Observes the number of commands that wait for the writer.</summary>
    public void ObserveQueueDepth(Func<int> read) =>
        _meter.CreateObservableUpDownCounter("presence.queue.depth", read, "{change}", "Changes that wait for the writer.");

    /// <summary>Observes the number of reads that wait for a thread.</summary>
    public void ObserveWaitingReads(Func<int> read) =>
        _meter.CreateObservableUpDownCounter("presence.reads.waiting", read, "{read}", "Reads of the store that wait for a thread.");

    /// <summary>Observes the number of user updates that are pending for watchers.</summary>
    public void ObservePending(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.watch.pending", read, "{user}", "User updates that wait to be sent to watchers.");

    /// <summary>Observes the number of webhook endpoints with an open circuit.</summary>
    public void ObserveOpenCircuits(Func<int> read) =>
        _meter.CreateObservableUpDownCounter(
            "presence.webhook.open_circuits", read, "{receiver}", "Webhook receivers that are not called, because they kept failing.");

    /// <summary>Observes how many revisions the slowest webhook endpoint is behind.</summary>
    public void ObserveWebhookLag(Func<long> read) =>
        _meter.CreateObservableGauge(
            "presence.webhook.lag", read, "{revision}", "Revisions by which the slowest webhook receiver is behind.");

    /// <summary>Observes the number of log entries that could not be written.</summary>
    public void ObserveDroppedLogEntries(Func<long> read) =>
        _meter.CreateObservableCounter(
            "presence.log.dropped_entries", read, "{entry}", "Log entries that were dropped, because standard output took no more.");

    /// <summary>Counts a webhook that was sent or given up, by outcome.</summary>
    public void WebhookSent(string outcome) => _webhooks.Add(1, new KeyValuePair<string, object?>("presence.webhook.outcome", outcome));

    /// <summary>Counts a log entry that was not written because its tenant, or all tenants, caused too many, by kind.</summary>
    public void LogEntrySuppressed(string kind) =>
        _suppressedLogEntries.Add(1, new KeyValuePair<string, object?>("presence.log.kind", kind));

    /// <summary>Counts a webhook that was not sent because all service instances together hold too much of a resource.</summary>
    public void WebhookCapacityExceeded(string resource) =>
        _webhookCapacity.Add(1, new KeyValuePair<string, object?>("presence.webhook.resource", resource));

    /// <summary>Counts a user that came online or went offline.</summary>
    public void TransitionRecorded(bool online) => _transitions.Add(1, new KeyValuePair<string, object?>("presence.online", online));

    /// <summary>Records a committed batch.</summary>
    public void CommitRecorded(TimeSpan duration, int changes)
    {
        _commitDuration.Record(duration.TotalSeconds);
        _batchSize.Record(changes);
    }

    /// <summary>Counts a watch that opened (+1) or closed (-1).</summary>
    public void WatchersChanged(int by) => _watchers.Add(by);

    /// <summary>Counts a watcher that dropped its pending updates to read the store.</summary>
    public void CatchUpRecorded() => _catchUps.Add(1);

    /// <summary>Counts a snapshot that began.</summary>
    public void ResetRecorded(string reason) => _resets.Add(1, new KeyValuePair<string, object?>("presence.reset.reason", reason));

    /// <summary>Records how late the server found that a lease had ended.</summary>
    public void LeaseEnded(TimeSpan lateness) => _leaseLateness.Record(lateness.TotalSeconds);

    /// <summary>Counts calls or heartbeats that were rejected because a quota was used up.</summary>
    public void QuotaRejected(string quota, int count = 1) =>
        _quotaRejections.Add(count, new KeyValuePair<string, object?>("presence.quota", quota));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private Histogram<double> CreateDuration(string name, string description) =>
        _meter.CreateHistogram(name, "s", description, tags: null, Durations);
}
