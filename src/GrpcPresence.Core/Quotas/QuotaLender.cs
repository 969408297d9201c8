using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// Lends shares of the quotas whose home shards this node holds. What it lends of a quota is at most the limit in all; with the 1 that each
/// of N nodes may always use, the nodes use at most the limit plus N. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>1. A new home owner asks every node of its view what it holds, also one that appears there later. It lends nothing more before all
/// have answered or left the view, or have been silent for <see cref="Limits.QuotaAnswerWait"/>. A node that has answered takes no grant of
/// an earlier home owner. A silent one is asked until it answers.</para>
/// <para>2. A report of a node brings its holdings and its demand. The lender divides the limit by the demands (<see
/// cref="QuotaDivision"/>).</para>
/// <para>3. A smaller share counts only once the node confirms it. A larger share counts from when it is sent. So what is taken from a node
/// is lent again after its confirmation, and not before.</para>
/// <para>4. One grant at a time is on its way to a node for a subject. It is repeated until it is confirmed. An earlier report of a subject
/// that arrives after a later one changes nothing. Reports of different subjects may overtake each other.</para>
/// <para>5. A node that leaves the view gives its shares back.</para>
/// <para>6. A larger share brings tokens that no node has (<see cref="FreeTokens"/>), so that a node can use it at once.</para>
/// <para>What a move may add: what the home owner before has lent to a node that the new one's view lacks, or that is silent for too long,
/// the new one lends again. So the sum is at most the limit plus N plus the shares of such nodes. What such a node reports without an
/// answer counts. Once the node has answered, the next grants correct the sum.</para>
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="serviceInstance">The limits of each service instance in the whole cluster.</param>
/// <param name="apiKey">The limits of each API key in the whole cluster.</param>
/// <param name="send">Sends a message to a node, also to this one. Called without the lock.</param>
/// <param name="frequency">Units of the clock in a second.</param>
public sealed class QuotaLender(
    NodeId self, QuotaLimits serviceInstance, QuotaLimits apiKey, Action<NodeId, QuotaMessage> send, long frequency)
{
    // Guards the fields below. Nothing is sent, logged or awaited under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<Shard, Home> _homes = [];
    private readonly HashSet<Shard> _due = []; // homes that the next tick visits, also before it repeats anything
    private HashSet<NodeId> _nodes = []; // of the view
    private DataIdentity _data; // what the node knows; orders the stamps
    private long _number; // of the last grant or inquiry; never begins again, so that an earlier one is never taken for a later one
    private long? _repeatedAt;

    /// <summary>
    /// Takes a new view. The shares of nodes that it lacks are free again. A node that it adds may have borrowed of an earlier home owner,
    /// so it is asked.
    /// </summary>
    public void SetNodes(IEnumerable<NodeId> nodes)
    {
        lock (_gate)
        {
            var before = _nodes;
            _nodes = [.. nodes];
            var added = _nodes.Except(before).ToList();
            foreach (var (shard, home) in _homes)
            {
                var removed = home.Unanswered.RemoveAll(asked => !_nodes.Contains(asked.Node));
                foreach (var lending in home.Subjects.Values)
                    removed += lending.Loans.RemoveAll(loan => !_nodes.Contains(loan.Node));
                home.Unanswered.AddRange(added.Select(node => new Asked(node)));
                if (removed + added.Count > 0)
                    _due.Add(shard); // the next tick lends what became free, and asks
            }
        }
    }

    /// <summary>Begins to lend for a home shard, which this node holds now, once all nodes of the view have answered.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="epoch">The epoch under which this node holds it.</param>
    public void OpenHome(Shard shard, long epoch)
    {
        lock (_gate)
        {
            _homes[shard] = new Home(new QuotaStamp(epoch, ++_number), _nodes);
            _due.Add(shard); // the next tick asks about all shards that were opened together
        }
    }

    /// <summary>
    /// The data is other data by now. Asks again what is lent of each home shard, because grants of before may not count any more. Takes no
    /// message about other data from now on.
    /// </summary>
    public void SetData(DataIdentity data)
    {
        lock (_gate)
        {
            _data = data;
            foreach (var shard in _homes.Keys.ToList())
            {
                _homes[shard] = new Home(new QuotaStamp(_homes[shard].Inquiry.Epoch, ++_number), _nodes);
                _due.Add(shard);
            }
        }
    }

    /// <summary>Stops lending for a home shard. The nodes keep what they have.</summary>
    public void CloseHome(Shard shard)
    {
        lock (_gate)
        {
            _homes.Remove(shard);
            _due.Remove(shard);
        }
    }

    /// <summary>Takes a report of a node, and lends by it.</summary>
    /// <param name="message">A report; ignores other messages, and those about data that the node does not know.</param>
    /// <param name="now">The present timestamp.</param>
    public void Receive(QuotaMessage message, long now)
    {
        List<(NodeId To, SubjectGrant Grant)> grants = [];
        DataIdentity data;
        lock (_gate)
        {
            if (message is not QuotaReport report || report.Data != _data || !_nodes.Contains(report.From))
                return;
            data = _data;
            foreach (var subject in report.Subjects)
                Note(report, subject, now, grants);
            foreach (var answer in report.Answers)
            {
                if (!_homes.TryGetValue(answer.Shard, out var home) || home.Inquiry != answer.Stamp)
                    continue;
                if (home.Unanswered.RemoveAll(asked => asked.Node == report.From) > 0 && home.Unanswered.Count == 0)
                    _due.Add(answer.Shard); // the next tick lends the shard's subjects
            }
            foreach (var subject in report.Subjects)
            {
                if (_homes.TryGetValue(subject.Subject.Home, out var home)
                    && home.Subjects.TryGetValue(subject.Subject, out var lending))
                {
                    Lend(subject.Subject, home, lending, now, grants);
                }
            }
        }
        Send(grants, data);
    }

    /// <summary>
    /// Asks and lends for the homes that have changed. Every <see cref="Limits.QuotaReportInterval"/> also repeats what was not answered,
    /// and visits all homes. Call it every <see cref="Limits.Tick"/>.
    /// </summary>
    /// <param name="now">The present timestamp.</param>
    public void Tick(long now)
    {
        List<(NodeId To, SubjectGrant Grant)> grants = [];
        List<(NodeId To, QuotaInquiryOfShard Asked)> inquiries = [];
        DataIdentity data;
        lock (_gate)
        {
            // While many shards move, one is opened in each step. So only what has changed is visited in between.
            var isRepetition = _repeatedAt is not { } at || now - at >= frequency * Limits.QuotaReportInterval.TotalSeconds;
            if (!isRepetition && _due.Count == 0)
                return;
            data = _data;
            if (isRepetition)
            {
                _repeatedAt = now;
                foreach (var (shard, home) in _homes)
                {
                    if (!home.IsAtRest)
                        Visit(shard, home, isRepetition, now, inquiries, grants);
                }
            }
            else
            {
                foreach (var shard in _due)
                    Visit(shard, _homes[shard], isRepetition, now, inquiries, grants);
            }
            _due.Clear();
        }
        foreach (var ofNode in inquiries.GroupBy(inquiry => inquiry.To, inquiry => inquiry.Asked))
            send(ofNode.Key, new QuotaInquiry(self, [.. ofNode]) { Data = data });
        Send(grants, data);
    }

    private void Visit(
        Shard shard,
        Home home,
        bool isRepetition,
        long now,
        List<(NodeId To, QuotaInquiryOfShard Asked)> inquiries,
        List<(NodeId To, SubjectGrant Grant)> grants)
    {
        foreach (var asked in home.Unanswered)
        {
            if (!isRepetition && asked.Since is not null)
                continue;
            asked.Since ??= now;
            inquiries.Add((asked.Node, new QuotaInquiryOfShard(shard, home.Inquiry)));
        }
        if (!MayLend(home, now))
            return;
        home.AnsweredAt ??= now;
        foreach (var (subject, lending) in home.Subjects)
        {
            foreach (var loan in lending.Loans)
            {
                if (isRepetition && loan.Sent is { } sent)
                    grants.Add((loan.Node, sent));
            }
            Lend(subject, home, lending, now, grants);
            if (lending.Loans.Count == 0 && lending.Free.AreAll)
                home.Subjects.Remove(subject);
        }
    }

    /// <summary>Whether all nodes have answered, or those that have not are silent for too long.</summary>
    private bool MayLend(Home home, long now) => home.Unanswered.TrueForAll(
        asked => asked.Since is { } since && now - since >= frequency * Limits.QuotaAnswerWait.TotalSeconds);

    /// <summary>Notes what a node holds and needs. Repeats the grant that the node seems not to have got.</summary>
    private void Note(QuotaReport message, SubjectReport report, long now, List<(NodeId To, SubjectGrant Grant)> grants)
    {
        var node = message.From;
        if (!_homes.TryGetValue(report.Subject.Home, out var home))
            return;
        ref var lending = ref CollectionsMarshal.GetValueRefOrAddDefault(home.Subjects, report.Subject, out _);
        // Nobody holds what no answer has named. Until all have answered, nothing is known to be free.
        lending ??= new Lending(home.AnsweredAt is { } since
            ? new FreeTokens(FreeOf(report.Subject, []), frequency, since)
            : new FreeTokens(free: default, frequency, now));
        lending.Free.Pass(now);
        var loans = lending.Loans;
        var loan = loans.Find(known => known.Node == node);
        if (loan is null)
            loans.Add(loan = new Loan(node));
        if (message.Number <= loan.Number)
            return;
        loan.Number = message.Number;
        (loan.Holds, loan.Demand, loan.IsIdle) = (report.Holds, report.Demand, report.IsIdle);
        if (!loan.IsConfirmed)
            loan.Lent = report.Holds;
        if (loan.Sent is not { } sent)
            return;
        if (report.Stamp < sent.Stamp)
        {
            // The report may also have crossed the grant. It did not if it comes so late.
            if (now - loan.SentAt < frequency * Limits.Tick.TotalSeconds)
                return;
            loan.SentAt = now;
            grants.Add((node, sent));
            return;
        }
        // With a later stamp, the node has forgotten the subject and uses it again. It takes the grant no more.
        loan.IsConfirmed = report.Stamp == sent.Stamp;
        if (loan.IsConfirmed)
            lending.Free.Add(report.Returned);
        // A node that has forgotten the subject confirms a grant too, and holds nothing of it.
        loan.Lent = loan.IsConfirmed
            ? QuotaAmounts.Create(quota => Math.Min(sent.Amounts[quota], report.Holds[quota]))
            : report.Holds;
        loan.Sent = null;
        if (sent.IsRelease && report.IsIdle)
            loans.Remove(loan);
    }

    /// <summary>Lends the subject's quotas to the nodes that use it, and takes back the shares of the others.</summary>
    private void Lend(QuotaKey subject, Home home, Lending lending, long now, List<(NodeId To, SubjectGrant Grant)> grants)
    {
        if (!MayLend(home, now))
            return;
        var loans = lending.Loans;
        var limits = LimitsOf(subject);
        var areParts = new bool[loans.Count];
        var parts = QuotaAmounts.All.ToDictionary(quota => quota, quota => Divide(quota, limits.Of(quota), loans, areParts));
        lending.Free.Pass(now);
        for (var i = 0; i < loans.Count; i++)
        {
            var loan = loans[i];
            var amounts = QuotaAmounts.Create(quota => parts[quota][i]);
            if (loan.Sent is not null || (amounts == loan.Lent && !loan.IsIdle))
                continue;
            var tokens = lending.Free.Take(QuotaAmounts.OfRates(rate => Math.Max(amounts[rate] - loan.AtMost(rate), 0)));
            loan.Sent = new SubjectGrant(
                subject, new QuotaStamp(home.Inquiry.Epoch, ++_number), amounts, loan.IsIdle, tokens, areParts[i]);
            loan.SentAt = now;
            grants.Add((loan.Node, loan.Sent.Value));
        }
        lending.Free.SetFree(FreeOf(subject, loans));
    }

    private QuotaLimits LimitsOf(QuotaKey subject) => subject.Kind == QuotaKind.ServiceInstance ? serviceInstance : apiKey;

    /// <summary>Returns the part of each rate that no node has; 0 of a rate without a limit.</summary>
    private QuotaAmounts FreeOf(QuotaKey subject, List<Loan> loans)
    {
        var limits = LimitsOf(subject);
        return QuotaAmounts.OfRates(rate => limits.Of(rate) == int.MaxValue
            ? 0
            : (int)Math.Max(limits.Of(rate) - loans.Sum(loan => (long)loan.AtMost(rate)), 0));
    }

    /// <summary>
    /// Returns what each node shall have of one quota next: its part, as far as that is free now. A node that shall have less gets less at
    /// once, and a later grant lends that to others.
    /// </summary>
    /// <param name="quota">The quota.</param>
    /// <param name="limit">The limit of the whole.</param>
    /// <param name="loans">What each node has.</param>
    /// <param name="areParts">Set for each node that gets more once others have returned it.</param>
    private static int[] Divide(Quota quota, int limit, List<Loan> loans, bool[] areParts)
    {
        var next = new int[loans.Count];
        if (limit == int.MaxValue)
            return next; // nodes need no share of a quota without a limit
        var users = loans.FindAll(loan => !loan.IsIdle);
        var parts = QuotaDivision.Divide(limit, users.ConvertAll(loan => loan.Demand[quota]));
        var free = Math.Max(limit - loans.Sum(loan => (long)loan.AtMost(quota)), 0);
        var isShort = users.Select((loan, user) => Math.Max((long)parts[user] - loan.Lent[quota], 0)).Sum() > free;
        for (var i = 0; i < loans.Count; i++)
        {
            var loan = loans[i];
            var (lent, atMost) = (loan.Lent[quota], loan.AtMost(quota));
            var part = loan.IsIdle ? 0 : parts[users.IndexOf(loan)];
            var isNear = Math.Abs((long)part - lent) <= lent / Limits.QuotaShareTolerance;
            if (loan.Sent is not null || (isNear && (part > lent || !isShort)))
                part = lent;
            next[i] = part <= lent ? part : (int)Math.Max(Math.Min(part, atMost + free), lent);
            areParts[i] |= next[i] < part;
            free -= Math.Max(next[i] - atMost, 0);
        }
        return next;
    }

    private void Send(List<(NodeId To, SubjectGrant Grant)> grants, DataIdentity data)
    {
        foreach (var ofNode in grants.GroupBy(grant => grant.To, grant => grant.Grant))
        {
            foreach (var subjects in ofNode.Chunk(Limits.QuotaSubjectsPerMessage))
                send(ofNode.Key, new QuotaGrants(self, [.. subjects]) { Data = data });
        }
    }

    /// <summary>A home shard for which this node lends.</summary>
    /// <param name="inquiry">The stamp of the inquiry, whose epoch all grants have.</param>
    /// <param name="nodes">The nodes to be asked.</param>
    private sealed class Home(QuotaStamp inquiry, IEnumerable<NodeId> nodes)
    {
        public QuotaStamp Inquiry => inquiry;

        /// <summary>The nodes that have not answered.</summary>
        public List<Asked> Unanswered { get; } = [.. nodes.Select(node => new Asked(node))];

        /// <summary>When all nodes had answered, or had been silent for too long, for the first time; null before.</summary>
        public long? AnsweredAt { get; set; }

        public Dictionary<QuotaKey, Lending> Subjects { get; } = [];

        /// <summary>Whether all nodes have answered, and nothing is lent. So it is for nearly all homes.</summary>
        public bool IsAtRest => Subjects.Count == 0 && Unanswered.Count == 0 && AnsweredAt is not null;
    }

    /// <summary>A node that has not answered.</summary>
    private sealed class Asked(NodeId node)
    {
        public NodeId Node => node;

        /// <summary>When it was asked for the first time; null before.</summary>
        public long? Since { get; set; }
    }

    /// <summary>What is lent of one subject, and what is not.</summary>
    private sealed class Lending(FreeTokens free)
    {
        public FreeTokens Free => free;

        public List<Loan> Loans { get; } = [];
    }

    /// <summary>What one node has of one subject.</summary>
    private sealed class Loan(NodeId node)
    {
        public NodeId Node => node;

        /// <summary>What the last confirmed grant lent; what the node holds if it has confirmed none of this home owner.</summary>
        public QuotaAmounts Lent { get; set; }

        public bool IsConfirmed { get; set; }

        /// <summary>What the node says that it holds: of levels it may be more.</summary>
        public QuotaAmounts Holds { get; set; }

        /// <summary>The number of the node's last report of the subject.</summary>
        public long Number { get; set; }

        /// <summary>The grant that the node has not confirmed; null if it has confirmed all.</summary>
        public SubjectGrant? Sent { get; set; }

        /// <summary>When it was sent, or repeated because of a report.</summary>
        public long SentAt { get; set; }

        public QuotaAmounts Demand { get; set; }

        public bool IsIdle { get; set; }

        /// <summary>What the node holds at most, whether it has received the last grant or not.</summary>
        public int AtMost(Quota quota) => Math.Max(Holds[quota], Sent?.Amounts[quota] ?? 0);
    }
}
