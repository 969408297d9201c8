using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>
/// The trackers and writers of two nodes of a cluster, over one store and one clock, on one thread. The test moves the shards. The first
/// node holds all of them at the beginning.
/// </summary>
internal sealed class NodesWorld : IDisposable
{
    private static readonly NodeId FirstId = new("n1", 1);
    private static readonly NodeId SecondId = new("n2", 1);

    private readonly PresenceWorld _origin;
    private long _epoch;
    private long _streams;

    public NodesWorld(TimeSpan? tombstoneRetention = null)
    {
        _origin = new PresenceWorld();
        First = _origin.AddNode(tombstoneRetention);
        Second = _origin.AddNode(tombstoneRetention);
        for (var number = 0; number < Shard.Count; number++)
            First.Tracker.Shards!.Load(new Shard(number)).Open(++_epoch);
    }

    public PresenceWorld First { get; }

    public PresenceWorld Second { get; }

    public IReadOnlyList<PresenceWorld> Nodes => [First, Second];

    /// <summary>Changes the configuration of the service instance, and has both nodes know it.</summary>
    public void Configure(Func<ServiceConfiguration, ServiceConfiguration> change)
    {
        First.Configure(change);
        Second.Services.Apply(First.Store.Image.Get(First.Service.Sid).Record, Second.Services.Generation);
    }

    /// <summary>Returns the shard of the user.</summary>
    public Shard ShardOf(Identity user) => Shard.Of(First.Service.Sid, user);

    /// <summary>Returns the name of a stream that a client opens to the node.</summary>
    public StreamId NewStream(PresenceWorld ingress) => new(ingress == First ? FirstId : SecondId, ++_streams);

    /// <summary>Sends a heartbeat over a stream to the node, which must hold the shard of the user, and writes what follows.</summary>
    public static void Beat(PresenceWorld node, Identity user, SessionId session, StreamId stream) =>
        node.BeatAndWrite(user, session, node.Tracker.Streams!.Meet(stream, endSessionsOnClose: true));

    /// <summary>Closes a stream at the node, as its client does.</summary>
    public static void Close(PresenceWorld node, StreamId stream, bool endsSessions = true) =>
        node.Tracker.Shards!.CloseStream(stream, endsSessions, until: TimeSpan.FromHours(1));

    /// <summary>Closes a stream at both nodes, as its client does.</summary>
    public void Close(StreamId stream, bool endsSessions = true)
    {
        foreach (var node in Nodes)
            Close(node, stream, endsSessions);
    }

    /// <summary>Hands the shard over: seals, settles, sends everything, and opens at the other node.</summary>
    public void HandOver(Shard shard, PresenceWorld from, PresenceWorld to)
    {
        var sealedShard = from.Tracker.Shards!.TrySeal(shard)!;
        from.Write();
        Assert.True(sealedShard.IsSettled(), "the writer wrote, but the shard is not settled");
        var load = to.Tracker.Shards!.Load(shard);
        Send(sealedShard, load, to);
        sealedShard.Release();
        load.Open(++_epoch);
    }

    /// <summary>Sends what a hand-over sends.</summary>
    public static void Send(SealedShard from, ShardLoad load, PresenceWorld to, int page = 2)
    {
        load.Receive(from.Start());
        var next = 0;
        while (from.ListUsers(ref next, page) is { Count: > 0 } users)
        {
            foreach (var user in users)
                load.Receive(to.Service, user);
        }
    }

    /// <summary>Takes the shard over from the store.</summary>
    public Task<long> TakeOverAsync(ShardLoad load, PresenceWorld node) => new ShardRecovery(node.Services).TakeOverAsync(
        load,
        _origin.Store.Image.Uptime,
        ListEnded(load.Shard),
        ListOnline(load.Shard),
        TestContext.Current.CancellationToken);

    /// <summary>Takes the shard over from the store, and opens it. The node before is gone.</summary>
    public async Task TakeOverAsync(Shard shard, PresenceWorld node)
    {
        var load = node.Tracker.Shards!.Load(shard);
        await TakeOverAsync(load, node);
        load.Open(++_epoch);
        node.Write();
    }

    /// <summary>Opens a shard that was loaded.</summary>
    public void Open(ShardLoad load) => load.Open(++_epoch);

    /// <summary>Compares the shard with the store, and writes what differs.</summary>
    public async Task CheckAsync(Shard shard, PresenceWorld node)
    {
        var check = node.Tracker.Shards!.Check(shard);
        await new ShardRecovery(node.Services).CheckAsync(check, ListOnline(shard), TestContext.Current.CancellationToken);
        node.Write();
    }

    /// <summary>Advances time, with a tick of both nodes each 100 ms, and writes.</summary>
    public void PassAndWrite(TimeSpan duration)
    {
        for (var left = duration; left > TimeSpan.Zero; left -= Limits.Tick)
        {
            First.Time.Advance(left < Limits.Tick ? left : Limits.Tick);
            foreach (var node in Nodes)
                node.Tracker.Tick();
        }
        Write();
    }

    public void Write()
    {
        foreach (var node in Nodes)
            node.Write();
    }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        _origin.Dispose();
    }

    private StoredPage<StoredOnlineUser> ListOnline(Shard shard) => async (after, limit, cancellationToken) =>
    {
        var users = await _origin.Store.ListOnlineUsersAsync(after, limit, cancellationToken);
        return [.. users.Where(user => Shard.Of(user.Service, user.Identity) == shard)];
    };

    private StoredPage<StoredEndedSession> ListEnded(Shard shard) => async (after, limit, cancellationToken) =>
    {
        var ended = await _origin.Store.ListEndedSessionsAsync(after, limit, cancellationToken);
        return [.. ended.Where(end => Shard.Of(end.Service, end.Identity) == shard)];
    };
}
