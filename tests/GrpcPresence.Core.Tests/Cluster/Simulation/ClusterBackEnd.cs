using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Webhooks;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// A back end that takes the webhooks of one service instance from every node, and checks what they say. It keeps the newest event of each
/// user by epoch and revision, as the documentation asks of receivers. Used by the thread of the history.
/// </summary>
internal sealed class ClusterBackEnd(int seed, SimulatedClock clock, InMemoryPresenceStore store, Continuations continuations)
{
    public const string Url = "https://example.com/hook";

    /// <summary>The bound of the sender of the server.</summary>
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(5);

    private readonly Random _random = new(seed);
    private readonly List<Request> _requests = [];
    private readonly List<(TimeSpan At, WebhookDelivery Delivery)> _underWay = [];
    private readonly List<(NodeId Node, WebhookDelivery Delivery)> _unchecked = [];
    private readonly Dictionary<(UserSid User, NodeId Node, long Epoch), (long Epoch, long Revision)> _sent = [];
    private readonly Dictionary<UserSid, WebhookDelivery> _newest = [];
    private readonly HashSet<(UserSid User, long Revision, Belief State)> _committed = [];
    private readonly HashSet<NodeId> _dead = [];
    private ServiceImage? _learned;
    private ServiceSid _service;
    private Exception? _broken;
    private int _attempts;
    private TimeSpan _excusedUntil;

    /// <summary>How the endpoint answers.</summary>
    public BackEndMood Mood { get; set; }

    /// <summary>The number of events that were sent.</summary>
    public int Attempts => _attempts;

    /// <summary>Called after each commit.</summary>
    public Action? Committed { get; set; }

    /// <summary>Takes events of this service instance from now on.</summary>
    public void Begin(ServiceSid service) => _service = service;

    /// <summary>Returns what a node sends with.</summary>
    public IWebhookSender CreateSender(NodeId node) => new Sender(this, node);

    /// <summary>Ends a process. Its requests arrive, and nobody takes the answers.</summary>
    public void Kill(NodeId node)
    {
        _dead.Add(node);
        _requests.RemoveAll(request => request.Node == node);
    }

    /// <summary>Takes what arrives, and answers. A paused node gets its answers when it goes on.</summary>
    public void Advance(Func<NodeId, bool> isPaused)
    {
        foreach (var (_, delivery) in _underWay.Where(sent => sent.At <= clock.Now).ToList())
            Arrive(delivery);
        _underWay.RemoveAll(sent => sent.At <= clock.Now);
        var answered = _requests.FindAll(request => request.At <= clock.Now && !isPaused(request.Node));
        _requests.RemoveAll(answered.Contains);
        foreach (var request in answered)
            continuations.Add(() => request.Answer.TrySetResult(request.Outcome));
    }

    /// <summary>Notes what the store holds. To be called after each commit.</summary>
    public void Learn()
    {
        Committed?.Invoke();
        var service = store.Image.Get(_service);
        if (service == _learned)
            return;
        _learned = service;
        foreach (var user in service.Users.Values)
        {
            var state = service.StateOf(user);
            _committed.Add((state.Sid, state.Revision, BackEndModel.True(state)));
        }
    }

    /// <summary>The store has lost commits, and a node that does not know it yet may send what it held before.</summary>
    public void Forget()
    {
        _excusedUntil = clock.Now + LongestAnswer;
    }

    /// <summary>Throws if an event has broken a promise.</summary>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public void Check()
    {
        if (_broken is { } broken)
            throw broken;
        foreach (var (node, delivery) in _unchecked)
        {
            var user = delivery.User;
            if (!_committed.Contains((user.Sid, user.Revision, BackEndModel.True(user))))
                throw new BrokenPromiseException("Webhooks", $"{node} sent {user.Identity}@{user.Revision}, which was not committed");
        }
        _unchecked.Clear();
    }

    /// <summary>Returns what keeps the back end from knowing all that is stored; null if it agrees with the store.</summary>
    public string? FindDifference()
    {
        if (_underWay.Count + _requests.Count > 0)
            return "requests are under way";
        var stored = store.Image.Get(_service);
        foreach (var user in stored.Users.Values)
        {
            var (present, newest) = (BackEndModel.True(stored.StateOf(user)), _newest.GetValueOrDefault(user.Sid));
            if (newest is null)
                return $"there was no event of {user.Identity}";
            if (BackEndModel.True(newest.User) != present)
                return $"the last event of {user.Identity} says {BackEndModel.True(newest.User)} instead of {present}";
        }
        return null;
    }

    private Task<WebhookOutcome> SendAsync(NodeId node, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        if (_dead.Contains(node))
            return Task.FromResult(WebhookOutcome.Deferred);
        try
        {
            Note(node, delivery);
        }
        catch (BrokenPromiseException broken)
        {
            _broken ??= broken;
        }
        _attempts++;
        var fails = Mood == BackEndMood.Failing && _random.Next(3) > 0;
        var takes = Mood == BackEndMood.Slow ? LongestAnswer * _random.NextDouble() : TimeSpan.Zero;
        // An attempt that fails may have arrived, and one whose answer is slow may arrive at any time before.
        if (!fails || _random.Next(2) == 0)
            _underWay.Add((clock.Now + (takes * _random.NextDouble()), delivery));
        var outcome = fails ? WebhookOutcome.Failed : WebhookOutcome.Taken;
        if (takes == TimeSpan.Zero)
            return Task.FromResult(outcome);
        var request = new Request(node, clock.Now + takes, outcome);
        _requests.Add(request);
        cancellationToken.Register(() => continuations.Add(() => request.Answer.TrySetCanceled())); // it may still arrive
        return request.Answer.Task;
    }

    private void Note(NodeId node, WebhookDelivery delivery)
    {
        var cluster = store.Image.Cluster;
        var home = Shard.Of(_service);
        var holder = cluster.Shards.GetValueOrDefault(home.Number);
        var (user, now) = (delivery.User, (delivery.Epoch, delivery.User.Revision));
        _unchecked.Add((node, delivery));
        if (clock.Now < _excusedUntil)
            return;
        if (holder.Node != node)
            throw new BrokenPromiseException("OneDeliverer", $"{node} sends {user.Identity} at {now}, and {holder.Node} is the holder");
        // An active node loses its shards only by a move of its own, and drains before. The same for one that leaves.
        foreach (var other in _requests.Where(request => request.Node != node && request.At > clock.Now))
        {
            if (cluster.Nodes.TryGetValue(other.Node.Name, out var row) && row.Node == other.Node && row.State != NodeState.Dead)
                throw new BrokenPromiseException("OneDeliverer", $"{node} sends {user.Identity} while a request of {other.Node} is open");
        }
        var key = (user.Sid, node, holder.Epoch);
        if (_sent.TryGetValue(key, out var before) && now.CompareTo(before) < 0)
            throw new BrokenPromiseException("Webhooks", $"{node} sends {user.Identity} at {now} after {before}");
        _sent[key] = now;
    }

    private void Arrive(WebhookDelivery delivery)
    {
        var user = delivery.User;
        if (!_newest.TryGetValue(user.Sid, out var newest)
            || (delivery.Epoch, user.Revision).CompareTo((newest.Epoch, newest.User.Revision)) >= 0)
        {
            _newest[user.Sid] = delivery;
        }
    }

    private sealed record Request(NodeId Node, TimeSpan At, WebhookOutcome Outcome)
    {
        public TaskCompletionSource<WebhookOutcome> Answer { get; } = new();
    }

    private sealed class Sender(ClusterBackEnd backEnd, NodeId node) : IWebhookSender
    {
        public Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken) =>
            backEnd.SendAsync(node, delivery, cancellationToken);
    }
}

/// <summary>How an endpoint answers.</summary>
internal enum BackEndMood
{
    /// <summary>At once.</summary>
    Good,

    /// <summary>After up to five seconds.</summary>
    Slow,

    /// <summary>Two of three events fail. Half of these have arrived.</summary>
    Failing,
}
