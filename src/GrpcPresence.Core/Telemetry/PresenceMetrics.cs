using System.Diagnostics.Metrics;

namespace GrpcPresence.Core.Telemetry;

/// <summary>The instruments of the service, under the meter <c>GrpcPresence</c>. Names and units follow OpenTelemetry. Safe from any thread.</summary>
public sealed class PresenceMetrics : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "GrpcPresence";

    // In seconds. The default boundaries of OpenTelemetry suit milliseconds: nearly every duration here would fall into the first bucket.
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
    private readonly Counter<long> _quotaRefusals;
    private readonly Counter<long> _webhooks;

    /// <summary>Makes the instruments; a null factory makes them without one.</summary>
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
        _quotaRefusals = _meter.CreateCounter<long>(
            "presence.quota.refusals", "{refusal}", "Calls and heartbeats refused because a quota was used up, by quota.");
        _webhooks = _meter.CreateCounter<long>(
            "presence.webhook.deliveries", "{delivery}", "Webhooks sent, by outcome, and webhooks given up.");
    }

    /// <summary>Reads the number of live sessions when somebody looks.</summary>
    public void ObserveSessions(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.sessions", read, "{session}", "Live sessions.");

    /// <summary>Reads the number of changes that wait for the writer when somebody looks.</summary>
    public void ObserveQueueDepth(Func<int> read) =>
        _meter.CreateObservableUpDownCounter("presence.queue.depth", read, "{change}", "Changes that wait for the writer.");

    /// <summary>Reads the number of users that watchers owe their clients when somebody looks.</summary>
    public void ObservePending(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.watch.pending", read, "{user}", "User updates that wait to be sent to watchers.");

    /// <summary>Reads how many receivers of webhooks are taken for dead when somebody looks.</summary>
    public void ObserveOpenCircuits(Func<int> read) =>
        _meter.CreateObservableUpDownCounter(
            "presence.webhook.open_circuits", read, "{receiver}", "Webhook receivers that are not called, because they kept failing.");

    /// <summary>Reads how many revisions the receiver of webhooks is behind that is behind the most, when somebody looks.</summary>
    public void ObserveWebhookLag(Func<long> read) =>
        _meter.CreateObservableGauge(
            "presence.webhook.lag", read, "{revision}", "Revisions by which the slowest webhook receiver is behind.");

    /// <summary>A webhook was sent, with this outcome, or given up.</summary>
    public void WebhookSent(string outcome) => _webhooks.Add(1, new KeyValuePair<string, object?>("presence.webhook.outcome", outcome));

    /// <summary>A user came online or went offline.</summary>
    public void TransitionRecorded(bool online) => _transitions.Add(1, new KeyValuePair<string, object?>("presence.online", online));

    /// <summary>A batch was committed.</summary>
    public void CommitRecorded(TimeSpan duration, int changes)
    {
        _commitDuration.Record(duration.TotalSeconds);
        _batchSize.Record(changes);
    }

    /// <summary>A watch was opened (+1) or closed (-1).</summary>
    public void WatchersChanged(int by) => _watchers.Add(by);

    /// <summary>A watcher dropped what was pending and reads the store.</summary>
    public void CatchUpRecorded() => _catchUps.Add(1);

    /// <summary>A snapshot was begun.</summary>
    public void ResetRecorded(string reason) => _resets.Add(1, new KeyValuePair<string, object?>("presence.reset.reason", reason));

    /// <summary>A lease was found to have ended this long ago.</summary>
    public void LeaseEnded(TimeSpan lateness) => _leaseLateness.Record(lateness.TotalSeconds);

    /// <summary>So much was refused for want of a quota.</summary>
    public void QuotaRefused(string quota, int count = 1) => _quotaRefusals.Add(count, new KeyValuePair<string, object?>("presence.quota", quota));

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private Histogram<double> CreateDuration(string name, string description) =>
        _meter.CreateHistogram(name, "s", description, tags: null, Durations);
}
