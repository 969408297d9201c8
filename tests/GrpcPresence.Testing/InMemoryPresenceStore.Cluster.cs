using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Testing;

/// <summary>What only a cluster uses: several nodes, each with a store of its own, on the same data.</summary>
public sealed partial class InMemoryPresenceStore
{
    private NodeId? _joined; // the run that joined last
    private Guid _timelineAtJoin;
    private volatile bool _isCutOff;
    private long _countedCalls;

    /// <summary>Makes the calls of a cluster fail or wait.</summary>
    public ClusterFaults ClusterFaults { get; } = new();

    /// <summary>The mistake that the stores with this data make on purpose.</summary>
    public StoreMutation Mutation
    {
        get => _shared.Mutation;
        set => _shared.Mutation = value;
    }

    /// <summary>Called after each commit of any store with this data, with its writes and the data before and after.</summary>
    public Action<BatchWrites, StoreImage, StoreImage>? Applied
    {
        get => _shared.Applied;
        set => _shared.Applied = value;
    }

    /// <summary>Returns a store with the same data for a node, which has not joined yet.</summary>
    public InMemoryPresenceStore OpenNode() => new(_shared, writer: null);

    /// <summary>Makes everything of this node fail without effect, as when it cannot reach the store; or work again.</summary>
    public void CutOff(bool isCutOff) => _isCutOff = isCutOff;

    /// <summary>Whether calls of this node fail or wait.</summary>
    public bool IsHindered => _isCutOff || ClusterFaults.IsHolding;

    /// <summary>
    /// The number of calls so far that a heartbeat may not cause while its user stays online: reads, and commits of more than the uptime
    /// and alive marks. Polls, renewals and purges are not counted.
    /// </summary>
    public long CountedCalls => Interlocked.Read(ref _countedCalls);

    public async ValueTask<NodeLease?> JoinAsync(NodeId node, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Join, cancellationToken);
        lock (_shared.Gate)
        {
            var cluster = Committed.Cluster;
            var row = cluster.Nodes.GetValueOrDefault(node.Name);
            if (row is not null && (row.Node.Incarnation > node.Incarnation || (row.Node == node && !row.IsActive)))
                throw new NodeEvictedException($"The run {node} of the node has ended.");
            if (row is { IsActive: true } && row.Node != node && Mutation != StoreMutation.JoinBesideAnEarlierRun)
                return End<NodeLease?>(LeaseOf(row, cluster.Identity), fault);
            (_joined, _timelineAtJoin) = (node, Committed.Timeline);
            if (row?.Node == node)
                return End<NodeLease?>(null, fault);
            Committed = Committed with
            {
                Cluster = (cluster with { MembersVersion = cluster.MembersVersion + 1 }).With(
                    new NodeRow(node, NodeState.Active, row is null ? default : row.Position with { LastResult = null })),
            };
            return End<NodeLease?>(null, fault);
        }
    }

    public async ValueTask<bool> LeaveAsync(NodeId node, DataIdentity data, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Leave, cancellationToken);
        lock (_shared.Gate)
        {
            if (data != Committed.Cluster.Identity && Mutation != StoreMutation.LeaveInAnyData)
                return End(false, fault);
            if (Committed.Cluster.FindActive(node) is { } row)
                Committed = Committed with { Cluster = Committed.Cluster.End(row, NodeState.Left) };
            return End(true, fault);
        }
    }

    public async ValueTask<RenewedLease> RenewAsync(
        NodeId node, long number, ImmutableArray<NodeId> acknowledged, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Renew, cancellationToken);
        lock (_shared.Gate)
        {
            var cluster = Committed.Cluster;
            var row = Mutation == StoreMutation.RenewalWithoutFence ? cluster.Nodes[node.Name] : RowOf(node);
            if (number <= row.Renewal && Mutation != StoreMutation.LateRenewalHappens)
                throw new StorageException("A later renewal of the lease has happened.");
            var members = cluster.Members;
            Committed = Committed with
            {
                Cluster = cluster.With(row with
                {
                    Renewal = number,
                    Members = members,
                    Acknowledged = acknowledged,
                }),
            };
            return End(new RenewedLease(cluster.Identity, members), fault);
        }
    }

    public async ValueTask<bool> EvictAsync(NodeId node, DataIdentity data, long renewal, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Evict, cancellationToken);
        lock (_shared.Gate)
        {
            var cluster = Committed.Cluster;
            if ((data != cluster.Identity && Mutation != StoreMutation.EvictionInAnyData)
                || cluster.FindActive(node) is not { } row
                || (row.Renewal != renewal && Mutation != StoreMutation.EvictionIgnoresTheRenewal))
            {
                return End(false, fault);
            }
            Committed = Committed with
            {
                Cluster = Mutation == StoreMutation.EvictionKeepsTheShards
                    ? (cluster with { MembersVersion = cluster.MembersVersion + 1 }).With(row with { State = NodeState.Dead })
                    : cluster.End(row, NodeState.Dead),
            };
            return End(true, fault);
        }
    }

    public async ValueTask<ImmutableArray<ShardHolder>> ClaimAsync(
        NodeId node, DataIdentity data, IReadOnlyCollection<Shard> shards, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Claim, cancellationToken);
        lock (_shared.Gate)
        {
            var before = Committed.Cluster;
            if (Mutation != StoreMutation.ClaimWithoutFence)
                RowOf(node);
            if (data != before.Identity && Mutation != StoreMutation.ClaimInAnyData)
                return End<ImmutableArray<ShardHolder>>([], fault);
            Shard[] free =
            [
                .. shards.Distinct().OrderBy(shard => shard.Number).Where(shard => Mutation == StoreMutation.ClaimTakesHeldShards
                    || before.Shards.GetValueOrDefault(shard.Number).Node is null),
            ];
            var cluster = before.Give([.. free.Select(shard => (shard, (NodeId?)node))]);
            if (Mutation == StoreMutation.ClaimKeepsTheEpoch)
            {
                cluster = before with
                {
                    Shards = before.Shards.SetItems(free.Select(shard => KeyValuePair.Create(
                        shard.Number, new ShardHolder(shard, node, before.Shards.GetValueOrDefault(shard.Number).Epoch)))),
                };
            }
            Committed = Committed with { Cluster = cluster };
            return End<ImmutableArray<ShardHolder>>([.. free.Select(shard => cluster.Shards[shard.Number])], fault);
        }
    }

    public async ValueTask<ClusterPoll> PollAsync(KnownCluster known, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.Poll, cancellationToken);
        var image = ImageFor(StoreMutation.PollKeepsTheTimeline);
        var cluster = image.Cluster;
        await ClusterFaults.BetweenPartsAsync();
        if (Mutation == StoreMutation.PollInTwoStatements)
        {
            cluster = cluster with { Shards = Committed.Cluster.Shards, Epoch = Committed.Cluster.Epoch };
        }
        if (known.Identity != cluster.Identity)
            known = KnownCluster.Nothing with { Services = known.Services };
        return End(
            new ClusterPoll(
                cluster.Identity,
                cluster.MembersVersion,
                known.MembersVersion == cluster.MembersVersion ? null : cluster.Members,
                known.MembersVersion == cluster.MembersVersion && Mutation == StoreMutation.PollForgetsRenewals ? []
                    : [.. cluster.Nodes.Values.Where(row => row.IsActive).Select(row => LeaseOf(row, cluster.Identity))],
                cluster.Epoch,
                known.Epoch == cluster.Epoch && Mutation != StoreMutation.PollRepeatsShards ? []
                    : [.. cluster.Shards.Values.Where(held => held.Epoch > known.Epoch || Mutation == StoreMutation.PollRepeatsShards)],
                cluster.ChangesVersion,
                [.. known.Services.Select(service => Changed(image, service)).OfType<PolledService>()],
                [.. known.Services.Where(service => IsGone(image, service.Id)).Select(service => service.Id)],
                image.Uptime,
                _shared.Time.GetUtcNow()),
            fault);
    }

    public async ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.List, cancellationToken);
        var users = Committed.Services.Values.Where(service => !service.IsDeleted)
            .SelectMany(service => service.UsersAfter(0)
                .Where(user => Shard.Of(service.Record.Sid, user.Identity) == shard && service.StateOf(user).IsOnline == true)
                .Select(user => new StoredOnlineUser(user.Id, service.Record.Sid, user.Sid, user.Identity, user.LastAlive)))
            .OrderBy(user => user.Id);
        return End<IReadOnlyList<StoredOnlineUser>>([.. users.Where(user => user.Id > afterId).Take(limit)], fault);
    }

    public async ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken)
    {
        var fault = await BeginAsync(ClusterCall.List, cancellationToken);
        return End<IReadOnlyList<StoredEndedSession>>(
            [
                .. Committed.Services.Values.Where(service => !service.IsDeleted)
                    .SelectMany(service => service.EndedSessions
                        .Where(ended => Shard.Of(service.Record.Sid, ended.Key.User) == shard)
                        .Select(ended => new StoredEndedSession(
                            ended.Value.Id, service.Record.Sid, ended.Key.User, ended.Key.Session, ended.Value.Until)))
                    .Where(ended => ended.Id > afterId)
                    .OrderBy(ended => ended.Id)
                    .Take(limit),
            ],
            fault);
    }

    /// <summary>Returns the data. With the mistake, its service instances name the timeline that this node found when it joined.</summary>
    private StoreImage ImageFor(StoreMutation mistake) => Mutation == mistake ? Committed.Under(_timelineAtJoin) : Committed;

    private NodeId Joined => _joined ?? throw new InvalidOperationException("The node has not joined.");

    private ValueTask<CommitFault> BeginAsync(ClusterCall call, CancellationToken cancellationToken)
    {
        if (call is not (ClusterCall.Poll or ClusterCall.Renew))
            Interlocked.Increment(ref _countedCalls);
        ThrowIfCutOff();
        return ClusterFaults.BeginAsync(call, cancellationToken);
    }

    private void ThrowIfCutOff()
    {
        if (FindCutOff() is { } error)
            throw error;
    }

    private StorageException? FindCutOff() => _isCutOff ? new StorageException("The node cannot reach the store.") : null;

    private static T End<T>(T result, CommitFault fault) =>
        fault == CommitFault.None ? result : throw new StorageException("The call was made to report failure.");

    /// <summary>Returns the fence row of an active run. A call that writes for a node calls this first.</summary>
    private NodeRow RowOf(NodeId node) =>
        Committed.Cluster.FindActive(node) ?? throw NotActive(node);

    private static NodeEvictedException NotActive(NodeId node) => new($"The run {node} of the node is not active.");

    private static NodeLease LeaseOf(NodeRow row, DataIdentity data) =>
        new(row.Node, data, row.Renewal, row.Members, row.Acknowledged);

    private PolledService? Changed(StoreImage image, KnownService known)
    {
        if (IsGone(image, known.Id) || image.Services.GetValueOrDefault(known.Id) is not { IsDeleted: false } service)
            return null;
        var isVersionNew = service.Version != known.Version && Mutation != StoreMutation.PollComparesRevisionsOnly;
        return service.Record.Revision != known.Revision || isVersionNew ? new PolledService(service.Record, service.Version) : null;
    }

    private bool IsGone(StoreImage image, long id) =>
        image.Services.GetValueOrDefault(id) is not { IsDeleted: false } && Mutation != StoreMutation.PollForgetsDeletions;
}
