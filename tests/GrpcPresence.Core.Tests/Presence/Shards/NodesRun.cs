using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>
/// Applies each step to two nodes, between which shards move, and to the model of one node, and compares them. The model knows the
/// documented difference: leases and ended sessions stand still while a shard moves.
/// </summary>
internal sealed class NodesRun : IDisposable
{
    /// <summary>The number of users. The first two are in one shard.</summary>
    public const int Users = 3;

    private static readonly int MaxAdvance = (int)Limits.MaxTickAdvance.TotalMilliseconds;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(300);

    private readonly NodesWorld _world = new(Timeout * 2);
    private readonly Model[] _models = new Model[Users];
    private readonly Identity[] _users = new Identity[Users];
    private readonly StreamId[] _streams = new StreamId[2];
    private readonly Dictionary<Shard, PresenceWorld> _holders = [];
    private int _now; // of the lease clock, in milliseconds
    private int _sinceTick;
    private bool _isBroken;
    private Shard? _moving;

    public NodesRun()
    {
        _users[0] = Identity.FromTrusted("user-0");
        _users[1] = Enumerable.Range(1, 100_000).Select(number => Identity.FromTrusted($"user-{number}"))
            .First(user => _world.ShardOf(user) == _world.ShardOf(_users[0]));
        _users[2] = Identity.FromTrusted("another");
        for (var user = 0; user < Users; user++)
        {
            _holders[_world.ShardOf(_users[user])] = _world.First;
            _models[user] = new Model
            {
                TimeoutMilliseconds = (int)Timeout.TotalMilliseconds,
                DebounceMilliseconds = (int)Debounce.TotalMilliseconds,
                RetentionMilliseconds = (int)Timeout.TotalMilliseconds * 2,
            };
        }
        for (var index = 0; index < _streams.Length; index++)
            _streams[index] = _world.NewStream(_world.First);
        _world.Configure(configuration => configuration with
        {
            HeartbeatInterval = TimeSpan.FromSeconds(1),
            SessionTimeout = Timeout,
            OfflineDebounce = Debounce,
        });
    }

    public void All(TrackerStep[] steps)
    {
        foreach (var step in steps)
        {
            // One millisecond per step, so that no two heartbeats have the same time.
            Advance(1);
            Do(step);
            Compare(step);
        }
        _world.Second.Store.Faults.Clear();
        _world.First.Store.Faults.Clear();
        _world.Write();
        for (var user = 0; user < Users; user++)
            Assert.Equal(_models[user].Count > 0, _world.First.StoredOnline(_users[user]) ?? false);
        TickFor((int)Timeout.TotalMilliseconds * 4);
        _world.Write();
        Assert.All(_world.Nodes, node => Assert.Equal(0, node.Tracker.TrackedUsers));
        for (var index = 0; index < _streams.Length; index++)
            Close(index);
        Assert.All(_world.Nodes, node => Assert.Equal(0, node.Tracker.Streams!.Count));
    }

    public void Dispose() => _world.Dispose();

    private void Do(TrackerStep step)
    {
        var (identity, model) = (_users[step.User], _models[step.User]);
        var (session, id) = (PresenceWorld.Session($"s{step.Session}"), $"s{step.Session}");
        var holder = _holders[_world.ShardOf(identity)];
        switch (step.Kind)
        {
            case StepKind.Beat or StepKind.BeatOverStream:
                StreamId? stream = step.Kind == StepKind.Beat ? null : _streams[step.Number % _streams.Length];
                var met = stream is { } opened ? holder.Tracker.Streams!.Meet(opened, endSessionsOnClose: true) : null;
                var rejection = holder.Beat(identity, session, met).Rejection;
                var isAccepted = model.Beat(id, _now, (int?)stream?.Number);
                Assert.Equal(isAccepted ? null : ErrorReason.SessionEnded, rejection);
                break;
            case StepKind.End:
                _ = holder.End(identity, session);
                model.End(id, _now);
                break;
            case StepKind.Close:
                Close(step.Number % _streams.Length);
                break;
            case StepKind.Delete:
                // The sweep handles expired leases first, so that the model need not know when the writer runs.
                TickOnce();
                var deletion = holder.Queue.SubmitAsync(new DeleteUser(holder.Service.Sid, new UserKey(identity), ""));
                _world.Write();
                if (deletion.IsCompletedSuccessfully)
                    model.Delete(_now);
                break;
            case StepKind.Pass:
                Advance(Math.Min(step.Number, MaxAdvance));
                break;
            case StepKind.Tick:
                TickFor(step.Number);
                break;
            case StepKind.Write:
                _world.Write();
                break;
            case StepKind.Break:
                _isBroken = !_isBroken;
                foreach (var node in _world.Nodes)
                    node.Store.Faults.FailAllOperations(_isBroken);
                break;
            case StepKind.Move:
                Move(_world.ShardOf(identity), step);
                break;
            default:
                throw new InvalidOperationException($"unknown step: {step.Kind}");
        }
    }

    /// <summary>Moves the shard, which takes some time, or gives the hand-over up at its end.</summary>
    private void Move(Shard shard, TrackerStep step)
    {
        var from = _holders[shard];
        var to = from == _world.First ? _world.Second : _world.First;
        var since = _now;
        _moving = shard;
        var sealedShard = from.Tracker.Shards!.TrySeal(shard)!;
        var load = to.Tracker.Shards!.Load(shard);
        TickFor(step.Number);
        var identity = _users[step.User];
        Assert.True(from.Beat(identity, PresenceWorld.Session("s0")).IsMoved);
        Assert.True(to.Beat(identity, PresenceWorld.Session("s0")).IsMoved);
        _world.Write();
        if (step.Number % 3 == 0)
            Close(step.Number % _streams.Length);
        if (step.Session % 3 == 2 || !sealedShard.IsSettled())
        {
            sealedShard.Reopen();
        }
        else
        {
            NodesWorld.Send(sealedShard, load, to, page: 1);
            Advance(step.Number % 50);
            if (step.Number % 3 == 1)
                Close(step.Number % _streams.Length);
            sealedShard.Release();
            _world.Open(load);
            _holders[shard] = to;
        }
        _moving = null;
        for (var user = 0; user < Users; user++)
        {
            if (_world.ShardOf(_users[user]) == shard)
                _models[user].Move(since, _now);
        }
    }

    private void Close(int index)
    {
        _world.Close(_streams[index]);
        foreach (var each in _models)
            each.Close((int)_streams[index].Number, _now);
        _streams[index] = _world.NewStream(_world.First);
    }

    private void TickFor(int milliseconds)
    {
        for (var passed = 0; passed < milliseconds; passed += 100)
        {
            Advance(100);
            TickOnce();
        }
    }

    private void Advance(int milliseconds)
    {
        // Without a tick the clock advances up to its limit and then stops.
        if (_sinceTick + milliseconds > MaxAdvance)
            TickOnce();
        _world.First.Time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        _now += milliseconds;
        _sinceTick += milliseconds;
    }

    private void TickOnce()
    {
        foreach (var node in _world.Nodes)
            node.Tracker.Tick();
        for (var user = 0; user < Users; user++)
        {
            // No lease of a shard ends while the shard moves.
            if (_world.ShardOf(_users[user]) != _moving)
                _models[user].Tick(_now);
        }
        _sinceTick = 0;
    }

    private void Compare(TrackerStep step)
    {
        for (var user = 0; user < Users; user++)
        {
            var expected = string.Join(' ', _models[user].Alive(_now));
            var actual = string.Join(' ', _holders[_world.ShardOf(_users[user])].SessionsOf(_users[user]).Order());
            Assert.True(expected == actual, $"after {step} at {_now} ms user {user} should have [{expected}] and has [{actual}]");
        }
        Assert.Equal(_models.Sum(model => model.Count), _world.Nodes.Sum(node => node.Tracker.LiveSessions));
    }
}
