using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// Lends shares of the quotas whose home shards this node holds. What it lends of a quota is at most the limit in all; with the 1 that each
/// of N nodes may always use, the nodes use at most the limit plus N. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>1. A new home owner asks every node of its view what it holds, and lends nothing before all have answered or left the view. A node
/// that has answered takes no grant of an earlier home owner.</para>
/// <para>2. A report of a node brings its holdings and its demand. The lender divides the limit by the demands (<see
/// cref="QuotaDivision"/>).</para>
/// <para>3. A smaller share counts only once the node confirms it. A larger share counts from when it is sent. So what is taken from a node
/// is lent again after its confirmation, and not before.</para>
/// <para>4. One grant at a time is on its way to a node for a subject. It is repeated until it is confirmed.</para>
/// <para>5. A node that leaves the view gives its shares back.</para>
/// <para>What a move may add: a node that joined so recently that the view of the new home owner lacks it holds what the home owner before
/// lent to it, and the new one lends that again. So the sum is at most the limit plus N plus the shares of such nodes. Once the view has
/// arrived, the next reports correct it.</para>
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
    private readonly Dictionary<NodeId, long> _reports = []; // the number of each node's last report
    private HashSet<NodeId> _nodes = []; // of the view
    private long _number; // of the last grant or inquiry; never begins again, so that an earlier one is never taken for a later one
    private long? _repeatedAt;

    /// <summary>Takes a new view. The shares of nodes that it lacks are free again.</summary>
    public void SetNodes(IEnumerable<NodeId> nodes)
    {
        lock (_gate)
        {
            _nodes = [.. nodes];
            foreach (var gone in _reports.Keys.Except(_nodes).ToList())
                _reports.Remove(gone);
            foreach (var home in _homes.Values)
            {
                home.Unanswered.RemoveAll(node => !_nodes.Contains(node));
                foreach (var loans in home.Subjects.Values)
                    loans.RemoveAll(loan => !_nodes.Contains(loan.Node));
            }
            _repeatedAt = null; // the next tick lends what became free
        }
    }

    /// <summary>Begins to lend for a home shard, which this node holds now, once all nodes of the view have answered.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="epoch">The epoch under which this node holds it.</param>
    public void OpenHome(Shard shard, long epoch)
    {
        lock (_gate)
        {
            _homes[shard] = new Home(new QuotaStamp(epoch, ++_number), [.. _nodes]);
            _repeatedAt = null; // the next tick asks about all shards that were opened together
        }
    }

    /// <summary>Stops lending for a home shard. The nodes keep what they have.</summary>
    public void CloseHome(Shard shard)
    {
        lock (_gate)
            _homes.Remove(shard);
    }

    /// <summary>Takes a report of a node, and lends by it.</summary>
    /// <param name="message">A report; ignores other messages.</param>
    public void Receive(QuotaMessage message)
    {
        List<(NodeId To, SubjectGrant Grant)> grants = [];
        lock (_gate)
        {
            // An earlier report that arrives late says nothing that a later one has not said.
            if (message is not QuotaReport report || !_nodes.Contains(report.From)
                || report.Number <= _reports.GetValueOrDefault(report.From))
            {
                return;
            }
            _reports[report.From] = report.Number;
            foreach (var subject in report.Subjects)
                Note(report.From, subject);
            foreach (var answer in report.Answers)
            {
                if (!_homes.TryGetValue(answer.Shard, out var home) || home.Inquiry != answer.Stamp)
                    continue;
                home.Unanswered.Remove(report.From);
                if (home.Unanswered.Count == 0)
                    _repeatedAt = null; // the next tick lends the shard's subjects
            }
            foreach (var subject in report.Subjects)
            {
                if (_homes.TryGetValue(subject.Subject.Home, out var home)
                    && home.Subjects.TryGetValue(subject.Subject, out var loans))
                {
                    Lend(subject.Subject, home, loans, grants);
                }
            }
        }
        Send(grants);
    }

    /// <summary>Repeats what was not answered, and lends what became free. Call it every <see cref="Limits.Tick"/>.</summary>
    /// <param name="now">The present timestamp.</param>
    public void Tick(long now)
    {
        List<(NodeId To, SubjectGrant Grant)> grants = [];
        List<(NodeId To, QuotaInquiryOfShard Asked)> inquiries = [];
        lock (_gate)
        {
            if (_repeatedAt is { } at && now - at < frequency * Limits.QuotaReportInterval.TotalSeconds)
                return;
            _repeatedAt = now;
            foreach (var (shard, home) in _homes)
            {
                foreach (var node in home.Unanswered)
                    inquiries.Add((node, new QuotaInquiryOfShard(shard, home.Inquiry)));
                if (home.Subjects.Count == 0)
                    continue; // so it is for nearly all
                foreach (var (subject, loans) in home.Subjects)
                {
                    foreach (var loan in loans)
                    {
                        if (loan.Sent is { } sent)
                            grants.Add((loan.Node, sent));
                    }
                    Lend(subject, home, loans, grants);
                }
                foreach (var subject in home.Subjects.Where(entry => entry.Value.Count == 0).Select(entry => entry.Key).ToList())
                    home.Subjects.Remove(subject);
            }
        }
        foreach (var ofNode in inquiries.GroupBy(inquiry => inquiry.To, inquiry => inquiry.Asked))
            send(ofNode.Key, new QuotaInquiry(self, [.. ofNode]));
        Send(grants);
    }

    /// <summary>Notes what a node holds and needs.</summary>
    private void Note(NodeId node, SubjectReport report)
    {
        if (!_homes.TryGetValue(report.Subject.Home, out var home))
            return;
        ref var loans = ref CollectionsMarshal.GetValueRefOrAddDefault(home.Subjects, report.Subject, out _);
        loans ??= [];
        var loan = loans.Find(known => known.Node == node);
        if (loan is null)
            loans.Add(loan = new Loan(node));
        (loan.Holds, loan.Demand, loan.IsIdle) = (report.Holds, report.Demand, report.IsIdle);
        if (!loan.IsConfirmed)
            loan.Lent = report.Holds;
        if (loan.Sent is not { } sent || report.Stamp < sent.Stamp)
            return;
        // With a later stamp, the node has forgotten the subject and uses it again. It takes the grant no more.
        loan.IsConfirmed = report.Stamp == sent.Stamp;
        loan.Lent = loan.IsConfirmed ? sent.Amounts : report.Holds;
        loan.Sent = null;
        if (sent.IsRelease && report.IsIdle)
            loans.Remove(loan);
    }

    /// <summary>Lends the subject's quotas to the nodes that use it, and takes back the shares of the others.</summary>
    private void Lend(QuotaKey subject, Home home, List<Loan> loans, List<(NodeId To, SubjectGrant Grant)> grants)
    {
        if (home.Unanswered.Count > 0)
            return;
        var limits = subject.Kind == QuotaKind.ServiceInstance ? serviceInstance : apiKey;
        var parts = QuotaAmounts.All.ToDictionary(quota => quota, quota => Divide(quota, limits.Of(quota), loans));
        for (var i = 0; i < loans.Count; i++)
        {
            var loan = loans[i];
            var amounts = QuotaAmounts.Create(quota => parts[quota][i]);
            if (loan.Sent is not null || (amounts == loan.Lent && !loan.IsIdle))
                continue;
            loan.Sent = new SubjectGrant(subject, new QuotaStamp(home.Inquiry.Epoch, ++_number), amounts, loan.IsIdle);
            grants.Add((loan.Node, loan.Sent.Value));
        }
    }

    /// <summary>
    /// Returns what each node shall have of one quota next: its part, as far as that is free now. A node that shall have less gets less at
    /// once, and a later grant lends that to others.
    /// </summary>
    private static int[] Divide(Quota quota, int limit, List<Loan> loans)
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
            free -= Math.Max(next[i] - atMost, 0);
        }
        return next;
    }

    private void Send(List<(NodeId To, SubjectGrant Grant)> grants)
    {
        foreach (var ofNode in grants.GroupBy(grant => grant.To, grant => grant.Grant))
        {
            foreach (var subjects in ofNode.Chunk(Limits.QuotaSubjectsPerMessage))
                send(ofNode.Key, new QuotaGrants(self, [.. subjects]));
        }
    }

    /// <summary>A home shard for which this node lends.</summary>
    /// <param name="inquiry">The stamp of the inquiry, whose epoch all grants have.</param>
    /// <param name="unanswered">The nodes that have not answered it.</param>
    private sealed class Home(QuotaStamp inquiry, List<NodeId> unanswered)
    {
        public QuotaStamp Inquiry => inquiry;

        public List<NodeId> Unanswered => unanswered;

        public Dictionary<QuotaKey, List<Loan>> Subjects { get; } = [];
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

        /// <summary>The grant that the node has not confirmed; null if it has confirmed all.</summary>
        public SubjectGrant? Sent { get; set; }

        public QuotaAmounts Demand { get; set; }

        public bool IsIdle { get; set; }

        /// <summary>What the node holds at most, whether it has received the last grant or not.</summary>
        public int AtMost(Quota quota) => Math.Max(Holds[quota], Sent?.Amounts[quota] ?? 0);
    }
}
