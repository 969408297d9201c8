using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// What one commit writes: final rows, each at most once, so that a store may write each list in one statement. Kept for the next batch.
/// Used only by the writer's thread and the store.
/// </summary>
public sealed class BatchWrites
{
    private readonly List<ServiceWrites> _services = [];
    private readonly Stack<ServiceWrites> _spare = [];

    /// <summary>The generation of the writer: the one that <see cref="IPresenceStore.ReopenAsync"/> returned last.</summary>
    public long Generation { get; set; }

    /// <summary>The number of the commit: one more than the last commit that happened.</summary>
    public long Number { get; set; }

    /// <summary>
    /// The run of the node that commits; null outside of a cluster. A store without a cluster throws
    /// <see cref="InvalidOperationException"/> for a commit that names one.
    /// </summary>
    public NodeId? Node { get; set; }

    /// <summary>
    /// The data that the node knows, and to which the epochs of the shards belong; default outside of a cluster. A store that holds other
    /// data writes nothing, and throws <see cref="Domain.Errors.OtherDataException"/>.
    /// </summary>
    public DataIdentity Data { get; set; }

    /// <summary>The shards to which the batch writes, each once. Empty outside of a cluster.</summary>
    public List<ShardEpoch> Shards { get; } = [];

    /// <summary>
    /// The shards that the commit gives to another node, each once. None of them is in <see cref="Shards"/>. Empty outside of a cluster.
    /// </summary>
    public List<ShardSwitch> Switches { get; } = [];

    /// <summary>
    /// The <see cref="StoredDirectory.Version"/> that was read; null for a batch that does not depend on the directory.
    /// </summary>
    public long? DirectoryVersion { get; set; }

    /// <summary>The number of users above which a commit that adds users to a service instance finds it stale.</summary>
    public long UsersPerService { get; set; } = long.MaxValue;

    /// <summary>What is written to each service instance. Those with one SID are committed together.</summary>
    public IReadOnlyList<ServiceWrites> Services => _services;

    /// <summary>The new API keys. Their SIDs are free, and their keys are the next ones.</summary>
    public List<ApiKey> NewApiKeys { get; } = [];

    /// <summary>
    /// The changed API keys, found by their key, before any is added: a certificate name that is freed can be taken in the same commit.
    /// Only their secrets, the times of these, and when they were revoked are written.
    /// </summary>
    public List<ApiKey> ChangedApiKeys { get; } = [];

    /// <summary>The keys of the API keys to remove, before any is added.</summary>
    public List<long> DeletedApiKeys { get; } = [];

    /// <summary>
    /// Users that are alive. Each mark replaces the <see cref="Domain.Users.UserRecord.LastAlive"/> of a user from an earlier commit that
    /// exists after the other writes. A mark takes no revision, and raises no version. So a commit that read the user before another writer
    /// marked it keeps the later of the two values.
    /// </summary>
    public List<AliveMark> AliveMarks { get; } = [];

    /// <summary>Replaces the uptime, unless null.</summary>
    public ServerUptime? Uptime { get; set; }

    /// <summary>Whether the commit changes the directory.</summary>
    public bool ChangesDirectory =>
        NewApiKeys.Count + ChangedApiKeys.Count + DeletedApiKeys.Count > 0 || _services.Exists(service => service.ChangesDirectory);

    /// <summary>Throws if the batch is one of a cluster. A store without a cluster calls this.</summary>
    /// <exception cref="InvalidOperationException">The batch names a node, data, or shards.</exception>
    public void ThrowIfOfCluster()
    {
        if (Node is not null || Data != default || Shards.Count + Switches.Count > 0)
            throw new InvalidOperationException("The store has no cluster, so no commit can name a node, data or shards.");
    }

    /// <summary>Adds the writes to a service instance, which the caller fills in.</summary>
    /// <param name="read">The service instance as it was read; if it is new, as it begins, at revision 0 and without users.</param>
    /// <param name="service">The service instance as it will be.</param>
    public ServiceWrites AddService(StoredService read, StoredService service)
    {
        var writes = _spare.TryPop(out var spare) ? spare : new ServiceWrites();
        writes.Begin(read, service);
        _services.Add(writes);
        return writes;
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        foreach (var service in _services)
            _spare.Push(service);
        _services.Clear();
        NewApiKeys.Clear();
        ChangedApiKeys.Clear();
        DeletedApiKeys.Clear();
        AliveMarks.Clear();
        Shards.Clear();
        Switches.Clear();
        Node = null;
        Data = default;
        DirectoryVersion = null;
        Uptime = null;
    }
}

/// <summary>Notes that a user is alive.</summary>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="UserId">The store's key of the user.</param>
/// <param name="Uptime">The uptime of the server.</param>
public readonly record struct AliveMark(long ServiceId, long UserId, TimeSpan Uptime);
