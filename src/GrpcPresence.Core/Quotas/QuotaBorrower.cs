using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The shares of quotas that this node has borrowed. A call is charged once, by the node that received it from the client, and against that
/// node's share. The home owner of each subject lends the shares (<see cref="QuotaLender"/>). Safe from any thread.
/// </summary>
/// <remarks>
/// <para>
/// The node reports a subject when a call uses it for the first time, and then every <see cref="Limits.QuotaReportInterval"/>: what it
/// holds, and what its callers ask for. Until the first share comes, it repeats the first report every <see cref="Limits.Tick"/>, because a
/// message may be lost. It may always use 1 of each quota. Without a home owner it keeps its last share. It returns a share
/// that no call has used for <see cref="Limits.IdleQuotaShare"/>, and earlier what other nodes need of it.
/// </para>
/// <para>
/// A larger share brings tokens that other nodes have returned, and a smaller one returns the tokens for which it has no room. The first
/// calls wait for the first share (<see cref="QuotaLimiter.WaitForShareAsync"/>).
/// </para>
/// <para>
/// What the node holds is what the last grant lent. It takes no grant with an earlier stamp than that, and confirms each grant at once. So
/// a lender knows an upper bound of what each node holds: the larger of what the node confirmed and what it was sent since.
/// </para>
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="serviceInstance">The limits of each service instance in the whole cluster.</param>
/// <param name="apiKey">The limits of each API key in the whole cluster.</param>
/// <param name="holderOf">Returns the holder of a shard as far as the node knows; null without one. Called under the lock.</param>
/// <param name="send">Sends a message to a node, also to this one. Called without the lock.</param>
/// <param name="frequency">Units of the clock in a second.</param>
public sealed class QuotaBorrower(
    NodeId self,
    QuotaLimits serviceInstance,
    QuotaLimits apiKey,
    Func<Shard, NodeId?> holderOf,
    Action<NodeId, QuotaMessage> send,
    long frequency)
{
    // Guards the fields below. Nothing is sent, logged or awaited under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<QuotaKey, BorrowedShare> _shares = [];
    private readonly Dictionary<Shard, QuotaStamp> _earliest = []; // a share that begins later takes no grant up to this one
    private readonly Dictionary<DataIdentity, Dictionary<Shard, QuotaStamp>> _answeredEarly = []; // before the node knew any data
    private readonly HashSet<BorrowedShare> _awaited = []; // without a first share yet; at most for one report interval
    private DataIdentity _data; // what the node knows; orders the stamps
    private long _number; // of the last report
    private long? _reportedAt;
    private long _repeatedAt = long.MinValue / 2;

    /// <summary>The number of subjects of which this node holds a share.</summary>
    public int SubjectCount
    {
        get
        {
            lock (_gate)
                return _shares.Count;
        }
    }

    /// <summary>Returns what this node may use of a subject's quotas.</summary>
    public QuotaAmounts ShareOf(QuotaKey subject)
    {
        lock (_gate)
            return UsableOf(subject, _shares.GetValueOrDefault(subject)?.Lent ?? default);
    }

    /// <summary>
    /// The data is other data by now. Its epochs may be lower than those of before, so every stamp counts again. The node keeps what it
    /// holds until a home owner lends by the new data, and takes no message about other data any more.
    /// </summary>
    public void SetData(DataIdentity data)
    {
        lock (_gate)
        {
            _data = data;
            _earliest.Clear();
            // Home owners of this data that this node has answered already count on it that no grant of before them changes the answer.
            foreach (var (shard, stamp) in _answeredEarly.GetValueOrDefault(data) ?? [])
                _earliest[shard] = stamp;
            _answeredEarly.Clear();
            foreach (var share in _shares.Values)
                share.Stamp = _earliest.GetValueOrDefault(share.Home);
        }
    }

    /// <summary>
    /// Reports all subjects when it is time, and in between those without a share. Call it every <see cref="Limits.Tick"/>.
    /// </summary>
    /// <param name="now">The present timestamp.</param>
    public void Tick(long now)
    {
        List<(NodeId To, QuotaMessage Message)> sent = [];
        lock (_gate)
        {
            if (_reportedAt is { } at && now - at < frequency * Limits.QuotaReportInterval.TotalSeconds)
            {
                ReportAwaited(now, sent);
            }
            else
            {
                (_reportedAt, _repeatedAt) = (now, now);
                foreach (var share in _shares.Values)
                    share.Demanded = share.Demand.Take(share.Counters, now);
                ReportAll(_shares.Values, sent);
            }
        }
        Send(sent);
    }

    /// <summary>Takes a message of a home owner.</summary>
    /// <param name="message">Grants or an inquiry; ignores others, and those about data that the node does not know.</param>
    /// <param name="now">The present timestamp.</param>
    public void Receive(QuotaMessage message, long now)
    {
        List<(NodeId To, QuotaMessage Message)> sent = [];
        lock (_gate)
        {
            var isOfKnownData = message.Data == _data;
            if (isOfKnownData && message is QuotaGrants grants)
                Take(grants, now, sent);
            else if (isOfKnownData && message is QuotaInquiry inquiry)
                Answer(inquiry, sent);
            else if (_data == default && message is QuotaInquiry early)
                sent.Add((early.From, AnswerBeforeJoining(early)));
        }
        Send(sent);
    }

    /// <summary>Makes the node's share the limits of new counters, and asks the home owner for a share if the node has none.</summary>
    internal void Attach(UsageCounters counters, long now)
    {
        List<(NodeId To, QuotaMessage Message)> sent = [];
        lock (_gate)
        {
            if (counters.Demand is not null)
                return;
            var share = Begin(counters.Key, now);
            share.Counters = counters;
            share.Demand.NoteUse(now);
            if (!share.IsFull)
                counters.SetShare(UsableOf(counters.Key, lent: default), now); // without the tokens that the rest of the share may have
            counters.SetShare(UsableOf(counters.Key, share.Lent), now);
            share.IsFull = true;
            if (share.Lent == default)
                Await(share, now);
            counters.Demand = share.Demand;
            if (holderOf(share.Home) is { } holder)
                sent.Add((holder, CreateReport(Report(share))));
        }
        Send(sent);
    }

    /// <summary>Notes that counters were dropped, because they were idle. The node returns their share.</summary>
    internal void Detach(UsageCounters counters)
    {
        lock (_gate)
        {
            if (_shares.TryGetValue(counters.Key, out var share) && share.Counters == counters)
                share.Counters = null;
        }
    }

    private void ReportAll(IEnumerable<BorrowedShare> shares, List<(NodeId To, QuotaMessage Message)> sent)
    {
        foreach (var ofHolder in shares.GroupBy(share => holderOf(share.Home)))
        {
            if (ofHolder.Key is not { } holder)
                continue;
            foreach (var subjects in ofHolder.Select(Report).Chunk(Limits.QuotaSubjectsPerMessage))
                sent.Add((holder, CreateReport(subjects)));
        }
    }

    /// <summary>
    /// Reports the subjects without a share again. Not for longer than until the regular report: the home owner may be away.
    /// </summary>
    private void ReportAwaited(long now, List<(NodeId To, QuotaMessage Message)> sent)
    {
        if (_awaited.Count == 0 || now - _repeatedAt < frequency * Limits.Tick.TotalSeconds)
            return;
        _repeatedAt = now;
        _awaited.RemoveWhere(share => share.AwaitedUntil is not { } until || now > until);
        ReportAll(_awaited, sent);
    }

    private void Await(BorrowedShare share, long now)
    {
        _awaited.Add(share);
        share.AwaitedUntil = now + (long)(frequency * Limits.QuotaReportInterval.TotalSeconds);
    }

    /// <summary>What is lent, and at least 1. A quota without a limit has none in a cluster either.</summary>
    private QuotaAmounts UsableOf(QuotaKey subject, QuotaAmounts lent)
    {
        var limits = subject.Kind == QuotaKind.ServiceInstance ? serviceInstance : apiKey;
        return QuotaAmounts.Create(quota => limits.Of(quota) == int.MaxValue ? int.MaxValue : Math.Max(lent[quota], 1));
    }

    private BorrowedShare Begin(QuotaKey subject, long now)
    {
        ref var share = ref CollectionsMarshal.GetValueRefOrAddDefault(_shares, subject, out _);
        return share ??= new BorrowedShare(subject, new SubjectDemand(frequency, now))
        {
            Stamp = _earliest.GetValueOrDefault(subject.Home),
        };
    }

    /// <summary>
    /// Answers a new home owner for a node that has not joined yet. It has asked nobody for a share, because it knows no holder. Without
    /// the answer the home owner would lend to nobody for as long as this node cannot join.
    /// </summary>
    private QuotaReport AnswerBeforeJoining(QuotaInquiry inquiry)
    {
        ref var answered = ref CollectionsMarshal.GetValueRefOrAddDefault(_answeredEarly, inquiry.Data, out _);
        answered ??= [];
        foreach (var asked in inquiry.Shards)
        {
            if (asked.Stamp > answered.GetValueOrDefault(asked.Shard))
                answered[asked.Shard] = asked.Stamp;
        }
        return new QuotaReport(self, ++_number, [], inquiry.Shards) { Data = inquiry.Data };
    }

    private void Take(QuotaGrants grants, long now, List<(NodeId To, QuotaMessage Message)> sent)
    {
        List<SubjectReport> confirmed = [];
        foreach (var grant in grants.Subjects)
        {
            if (!_shares.TryGetValue(grant.Subject, out var share))
            {
                // The node has forgotten the subject, and holds nothing of it. A repetition of the grant must not change that later. It is
                // confirmed also if the node has taken a later grant of another subject: the confirmation may have been lost.
                var earliest = _earliest.GetValueOrDefault(grant.Subject.Home);
                var stamp = grant.Stamp < earliest ? earliest : grant.Stamp;
                _earliest[grant.Subject.Home] = stamp;
                confirmed.Add(new SubjectReport(grant.Subject, stamp, Holds: default, Demand: default, IsIdle: true));
                continue;
            }
            if (grant.Stamp < share.Stamp)
                continue;
            if (grant.Stamp > share.Stamp)
                Apply(share, grant, now);
            confirmed.Add(Report(share));
        }
        if (confirmed.Count > 0)
            sent.Add((grants.From, CreateReport([.. confirmed])));
    }

    private void Apply(BorrowedShare share, SubjectGrant grant, long now)
    {
        var before = share.Lent;
        (share.Lent, share.Stamp, share.AwaitedUntil) = (grant.Amounts, grant.Stamp, null);
        if (share.Counters is { } counters)
        {
            share.Returned = counters.SetShare(UsableOf(share.Subject, share.Lent), now);
            counters.AddTokens(grant.Tokens, now);
            if (grant.IsRelease)
            {
                share.Demand.AwaitShare(now); // a call has used the subject again since the node returned its share
                Await(share, now);
            }
            else if (!grant.IsPart)
            {
                share.Demand.EndWait();
            }
            return;
        }
        // Counters are dropped only when they have all tokens of the share.
        share.Returned = share.IsFull ? QuotaAmounts.OfRates(rate => Math.Max(before[rate] - share.Lent[rate], 0)) : default;
        share.IsFull &= QuotaAmounts.Rates.All(rate => share.Lent[rate] <= before[rate]);
        if (!grant.IsRelease)
            return;
        _shares.Remove(share.Subject);
        if (grant.Stamp > _earliest.GetValueOrDefault(share.Home))
            _earliest[share.Home] = grant.Stamp;
    }

    /// <summary>
    /// Answers a new home owner with all that the node holds of its shards. From then on, the node takes no grant of the one before, so
    /// that the answer stays true until the new one lends.
    /// </summary>
    private void Answer(QuotaInquiry inquiry, List<(NodeId To, QuotaMessage Message)> sent)
    {
        // A grant of the home owner that asks may have come before its inquiry.
        var current = inquiry.Shards.Where(asked => asked.Stamp.Epoch >= _earliest.GetValueOrDefault(asked.Shard).Epoch).ToList();
        var subjects = _shares.Values.ToLookup(share => share.Home);
        List<SubjectReport> reports = [];
        List<QuotaInquiryOfShard> answers = [];
        foreach (var asked in current)
        {
            if (asked.Stamp > _earliest.GetValueOrDefault(asked.Shard))
                _earliest[asked.Shard] = asked.Stamp;
            foreach (var share in subjects[asked.Shard])
            {
                if (share.Stamp < asked.Stamp)
                    (share.Stamp, share.Returned) = (asked.Stamp, default);
                reports.Add(Report(share));
            }
            answers.Add(asked);
            // A message answers whole shards: an answer without some of the subjects would say that the node holds nothing of these.
            if (reports.Count < Limits.QuotaSubjectsPerMessage && asked != current[^1])
                continue;
            sent.Add((inquiry.From, new QuotaReport(self, ++_number, [.. reports], [.. answers]) { Data = _data }));
            reports.Clear();
            answers.Clear();
        }
    }

    private static SubjectReport Report(BorrowedShare share) =>
        new(share.Subject, share.Stamp, HoldsOf(share), share.Demanded, IsIdle: share.Counters is null, share.Returned);

    /// <summary>What is lent; of a level at least what is in use, because a smaller share closes no stream.</summary>
    private static QuotaAmounts HoldsOf(BorrowedShare share) => share.Counters is not { } counters
        ? share.Lent
        : share.Lent with
        {
            OpenStreams = Math.Max(share.Lent.OpenStreams, counters.OpenStreams.Level),
            WatchedUsers = Math.Max(share.Lent.WatchedUsers, counters.WatchedUsers.Level),
        };

    private QuotaReport CreateReport(params SubjectReport[] subjects) =>
        new(self, ++_number, ImmutableCollectionsMarshal.AsImmutableArray(subjects), []) { Data = _data };

    private void Send(List<(NodeId To, QuotaMessage Message)> messages)
    {
        foreach (var (to, message) in messages)
            send(to, message);
    }

    private sealed class BorrowedShare(QuotaKey subject, SubjectDemand demand)
    {
        public QuotaKey Subject => subject;

        public Shard Home { get; } = subject.Home;

        public SubjectDemand Demand => demand;

        /// <summary>The usage; null while no call has used the subject for a while.</summary>
        public UsageCounters? Counters { get; set; }

        /// <summary>What is lent.</summary>
        public QuotaAmounts Lent { get; set; }

        /// <summary>Of the last grant or inquiry.</summary>
        public QuotaStamp Stamp { get; set; }

        /// <summary>Until when reports of the subject are repeated, because it has no share yet; null if it has one.</summary>
        public long? AwaitedUntil { get; set; }

        /// <summary>The tokens for which the last grant left no room.</summary>
        public QuotaAmounts Returned { get; set; }

        /// <summary>
        /// Whether counters that begin now have all tokens of the share: those before were idle, and it has not grown since.
        /// </summary>
        public bool IsFull { get; set; }

        /// <summary>The demand as it was last measured.</summary>
        public QuotaAmounts Demanded { get; set; }
    }
}
