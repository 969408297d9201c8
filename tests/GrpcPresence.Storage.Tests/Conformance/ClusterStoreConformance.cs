using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>The contract of <see cref="IClusterStore"/>, which every store that several nodes share must keep.</summary>
public abstract partial class ClusterStoreConformance
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Opens a store with the data of the test, for a node that has not joined.</summary>
    protected abstract IClusterStore OpenNode();

    /// <summary>
    /// Sends a commit that is given up and stays on its way, so that it has not reached the store. Returns a function that lets it arrive
    /// and completes when it has happened, or when the store has refused it.
    /// </summary>
    protected abstract Func<Task> SendLate(IClusterStore store, BatchWrites writes);

    /// <summary>
    /// Returns a function that makes the data go back to this moment, as when a standby without the later commits is promoted. All nodes
    /// find the data of before, under another identity. The store instances stay.
    /// </summary>
    protected abstract Task<Func<Task>> BackUpAsync();

    /// <summary>
    /// Polls, and makes the changes while the poll is in progress: after it has read its first part, if the store can be stopped there.
    /// </summary>
    protected virtual async Task<ClusterPoll> PollDuringAsync(IClusterStore store, KnownCluster known, Func<Task> changes)
    {
        var changing = Task.Run(changes, Stop);
        var poll = await store.PollAsync(known, Stop);
        await changing;
        return poll;
    }

    /// <summary>Opens a node and lets it join.</summary>
    private async Task<Member> JoinAsync(string name, long incarnation = 1)
    {
        var member = new Member(OpenNode(), new NodeId(name, incarnation));
        Assert.Null(await member.Store.JoinAsync(member.Id, Stop));
        return member with { Data = (await member.Store.PollAsync(KnownCluster.Nothing, Stop)).Identity };
    }

    /// <summary>Lets the node claim shards, which must be free, and returns them with their epoch.</summary>
    private static async Task<ShardEpoch[]> ClaimAsync(Member member, params int[] shards)
    {
        var claimed = await member.Store.ClaimAsync(member.Id, member.Data, [.. shards.Select(number => new Shard(number))], Stop);
        Assert.Equal(shards.Order(), claimed.Select(held => held.Shard.Number));
        return [.. claimed.Select(held => new ShardEpoch(held.Shard, held.Epoch))];
    }

    private static CommitResult Commit(Member member, Action<StoreSession>? write = null, params ShardEpoch[] shards) =>
        StoreSession.Of(member.Store).Commit(Build(member, write, shards));

    private static BatchWrites Build(Member member, Action<StoreSession>? write = null, params ShardEpoch[] shards)
    {
        var session = StoreSession.Of(member.Store);
        write?.Invoke(session);
        var writes = session.Build();
        writes.Node = member.Id;
        writes.Shards.AddRange(shards);
        return writes;
    }

    private static CommitResult Switch(Member member, Member receiver, params ShardEpoch[] shards)
    {
        var writes = Build(member);
        writes.Switches.AddRange(shards.Select(held => new ShardSwitch(held.Shard, held.Epoch, receiver.Id)));
        return StoreSession.Of(member.Store).Commit(writes);
    }

    private static async Task EvictAsync(Member by, Member evicted)
    {
        var lease = await LeaseAsync(by, evicted);
        Assert.True(await by.Store.EvictAsync(evicted.Id, by.Data, lease!.Renewal, Stop));
    }

    /// <summary>Returns the lease of the node as the other one sees it; null if the node is not active.</summary>
    private static async Task<NodeLease?> LeaseAsync(Member by, Member node) =>
        (await PollAsync(by)).Leases.SingleOrDefault(lease => lease.Node == node.Id);

    private static async Task<ShardHolder> HolderAsync(Member member, int shard) =>
        (await PollAsync(member)).Shards.SingleOrDefault(held => held.Shard.Number == shard);

    private static Task<ClusterPoll> PollAsync(Member member, params KnownService[] services) =>
        member.Store.PollAsync(KnownCluster.Nothing with { Services = [.. services] }, Stop).AsTask();

    private static Task<ClusterPoll> PollAsync(Member member, ClusterPoll since, params KnownService[] services) =>
        member.Store.PollAsync(new KnownCluster(since.Identity, since.MembersVersion, since.Epoch, [.. services]), Stop).AsTask();

    /// <summary>A service instance with two users, ada online, created by a commit of the node.</summary>
    private static (ServiceRecord Service, UserRecord Ada, UserRecord Bob) NewService(Member member, int number = 1)
    {
        (ServiceRecord, UserRecord, UserRecord) created = default;
        Assert.True(Commit(member, session =>
        {
            var sample = Sample.Service(number);
            var service = session.InsertService(sample with
            {
                Revision = 10,
                UserCount = 2,
                Configuration = sample.Configuration with { ReachabilityEnabled = true, SwitchedOnRevision = 1 },
            });
            var ada = session.InsertUser(service.Id, Sample.OnlineUser(1, 9) with { LastAlive = TimeSpan.FromMinutes(1) });
            created = (service, ada, session.InsertUser(service.Id, Sample.User(2, 10)));
        }).IsWhole);
        return created;
    }

    /// <summary>All rows that a node can read, in a form that can be compared. Without the number of commits.</summary>
    private static async Task<IReadOnlyList<object?>> DescribeAsync(Member reader)
    {
        var store = reader.Store;
        var rows = new List<object?>();
        foreach (var service in await store.ListServicesAsync(0, 100, Stop))
        {
            rows.Add(service);
            rows.AddRange((await store.ListChangesAsync(service.Sid, 0, 100, Stop)).Changes
                .Select(change => (object?)(change.State.Record, change.State.Sid, change.Revision)));
            rows.AddRange((await store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 100, Stop)).Cast<object?>());
            rows.Add(await store.FindWebhookAsync(service.Sid, Stop));
            rows.Add((await store.FindNotificationsAsync(service.Sid, Stop)).ToString());
            var read = StoreSession.Of(store).Read(service.Sid).Service!;
            rows.Add((read.Version, read.NextUserId, read.NextBindingId));
        }
        rows.AddRange((await store.ListEndedSessionsAsync(0, 100, Stop)).Cast<object?>());
        rows.AddRange((await store.ListApiKeysAsync(Stop)).Cast<object?>());
        rows.Add(await store.FindUptimeAsync(Stop));
        rows.Add(StoreSession.Of(store).Read(new BatchKeys { NeedsDirectory = true }).Directory);
        var poll = await PollAsync(reader);
        rows.Add((poll.MembersVersion, poll.Epoch, poll.ChangesVersion));
        rows.AddRange(poll.Shards.Cast<object?>());
        return rows;
    }

    private static async Task<T> ThrowsAsync<T>(Func<Task> call)
        where T : StorageException =>
        Assert.IsType<T>(await Assert.ThrowsAnyAsync<StorageException>(call));

    /// <summary>A node with its store.</summary>
    private sealed record Member(IClusterStore Store, NodeId Id)
    {
        public DataIdentity Data { get; init; } // the data, as it was when the node had joined
    }
}
