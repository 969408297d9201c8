using System.Diagnostics.Metrics;

namespace GrpcPresence.Core.Metrics;

/// <summary>The instruments of the service, under the meter <c>GrpcPresence</c>. Names and units follow OpenTelemetry. Safe from any thread.</summary>
public sealed class PresenceMetrics : IDisposable
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "GrpcPresence";

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
        _transitions = _meter.CreateCounter<long>("presence.transitions", "{transition}", "Users who came online or went offline, as tracked.");
        _commitDuration = _meter.CreateHistogram<double>("presence.commit.duration", "s", "Time from taking a batch to its commit.");
        _batchSize = _meter.CreateHistogram<int>("presence.commit.changes", "{change}", "Changes in a committed batch.");
        _watchers = _meter.CreateUpDownCounter<int>("presence.watchers", "{watcher}", "Open watches.");
        _catchUps = _meter.CreateCounter<long>("presence.watch.catch_ups", "{catch_up}", "Times a watcher dropped what was pending and read the store.");
        _resets = _meter.CreateCounter<long>("presence.watch.resets", "{reset}", "Snapshots sent, by reason.");
        _leaseLateness = _meter.CreateHistogram<double>("presence.lease.lateness", "s", "Time from the end of a lease to the decision that it ended.");
        _quotaRefusals = _meter.CreateCounter<long>("presence.quota.refusals", "{refusal}", "What was refused for want of a quota, by quota.");
        _webhooks = _meter.CreateCounter<long>("presence.webhook.deliveries", "{delivery}", "Webhooks that were sent, by outcome; and those given up.");
    }

    /// <summary>Reads the number of live sessions when somebody looks.</summary>
    public void ObserveSessions(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.sessions", read, "{session}", "Live sessions.");

    /// <summary>Reads the number of changes that wait for the writer when somebody looks.</summary>
    public void ObserveQueueDepth(Func<int> read) =>
        _meter.CreateObservableUpDownCounter("presence.queue.depth", read, "{change}", "Changes that wait for the writer.");

    /// <summary>Reads the number of users that watchers owe their clients when somebody looks.</summary>
    public void ObservePending(Func<long> read) =>
        _meter.CreateObservableUpDownCounter("presence.watch.pending", read, "{user}", "Users that watchers owe their clients.");

    /// <summary>Reads how many receivers of webhooks are taken for dead when somebody looks.</summary>
    public void ObserveOpenCircuits(Func<int> read) =>
        _meter.CreateObservableUpDownCounter("presence.webhook.open_circuits", read, "{receiver}", "Receivers of webhooks that are taken for dead.");

    /// <summary>Reads how many revisions the receiver of webhooks is behind that is behind the most, when somebody looks.</summary>
    public void ObserveWebhookLag(Func<long> read) =>
        _meter.CreateObservableGauge("presence.webhook.lag", read, "{revision}", "Revisions that the last receiver of webhooks is behind.");

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
}
