using System.Collections.Immutable;
using System.Globalization;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>
/// The storage port of a node of a cluster, on a PostgreSQL database that its nodes share. Reads and commits are those of
/// <see cref="PostgresPresenceStore"/>. What differs is the row of the node: others can end it.
/// </summary>
/// <remarks>
/// Each kind of call has a connection of its own, so a renewal waits neither for a poll nor for a claim. Only commits, purges and the reads
/// of the writer share one.
/// </remarks>
public sealed class PostgresClusterStore : PostgresPresenceStore, IClusterStore
{
    // service_id + 0: see the list of all shards.
    private const string ListOnlineUsers = """
        SELECT p.user_id, s.sid, u.sid, u.identity, p.last_alive
        FROM presence AS p
        JOIN services AS s ON s.id = p.service_id + 0
        JOIN users AS u ON u.service_id = p.service_id AND u.id = p.user_id
        WHERE p.shard = $1 AND p.is_online AND p.user_id > $2 AND NOT s.is_deleted AND s.reachability_enabled
            AND p.known_revision > 0 AND p.known_revision >= s.switched_on_revision
        ORDER BY p.user_id LIMIT $3
        """;

    private const string ListEndedSessions = """
        SELECT e.id, s.sid, e.identity, e.session_id, e.until
        FROM ended_sessions AS e JOIN services AS s ON s.id = e.service_id + 0
        WHERE e.shard = $1 AND e.id > $2 AND NOT s.is_deleted
        ORDER BY e.id LIMIT $3
        """;

    private readonly ClusterDatabase _database;
    private readonly CallConnection _membership; // joins and leaves
    private readonly CallConnection _renewals;
    private readonly CallConnection _evictions;
    private readonly CallConnection _claims;
    private readonly CallConnection _polls;

    private volatile JoinedNode? _joined;

    private PostgresClusterStore(PostgresStoreOptions options, PostgresClusterOptions cluster)
        : base(options)
    {
        _database = new ClusterDatabase(_connections, options, cluster);
        (_membership, _renewals, _evictions) = (Connection(), Connection(), Connection());
        (_claims, _polls) = (Connection(), Connection());

        CallConnection Connection() => new(_connections.OpenCallerAsync, options.Time);
    }

    /// <summary>The application name of the sessions that call. Tests find them by it.</summary>
    internal string CallerName => _connections.CallerName;

    /// <summary>Opens the database, brings its schema up to date, and makes it one of the cluster. The node has not joined then.</summary>
    /// <exception cref="PostgresRejectedException">The database cannot be used until someone has done what the message says.</exception>
    /// <exception cref="StorageException">The server cannot be reached or used now. Trying again may help.</exception>
    public static Task<PostgresClusterStore> OpenAsync(
        PostgresStoreOptions options, PostgresClusterOptions cluster, CancellationToken cancellationToken) =>
        OpenAsync(new PostgresClusterStore(options, cluster), cancellationToken);

    /// <inheritdoc/>
    public override ValueTask<CommitResult> CommitAsync(BatchWrites writes)
    {
        if (_joined is not { } joined || writes.Node != joined.Node)
            throw new InvalidOperationException("A commit names the node that has joined with this store.");
        // The session from before the first reopening does not have the name by which an eviction finds it.
        if (_commits.Server is null)
            throw new StorageException("The store must be reopened before the first commit.");
        return CommitAsync(new NodePosition(joined.Id, joined.Node.Incarnation, DataText.Of(writes.Data)), writes);
    }

    /// <inheritdoc/>
    public override ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit)
    {
        var joined = Joined;
        return PurgeAsync("purge_home_rows", joined.Id, joined.Node.Incarnation, tombstonesBefore, limit);
    }

    /// <inheritdoc/>
    public override async ValueTask<WriterPosition> ReopenAsync()
    {
        var joined = Joined;
        var state = await ReopenAsync(writer => ClusterReopening.RunAsync(writer, joined, _connections.WriterName, _commits))
            .ConfigureAwait(false) ?? throw Evicted(joined.Node);
        _commits = new CommitsSent(state.Data, state.LastCommit, state.LastCommit, state.Data == _commits.Server ? _commits.Sids : null);
        return new WriterPosition(state.Generation, state.LastCommit, state.LastResult) { Identity = DataText.Read(state.Data) };
    }

    /// <inheritdoc/>
    public async ValueTask<NodeLease?> JoinAsync(NodeId node, CancellationToken cancellationToken)
    {
        var (id, earlier) = await CallAsync(
            _membership, node, connection => ClusterCalls.JoinAsync(connection, node), cancellationToken).ConfigureAwait(false);
        if (earlier is not null)
            return earlier;
        // By the names of its sessions, others know which ones to end with the run.
        _connections.UseName(string.Create(CultureInfo.InvariantCulture, $"node-{id}-{node.Incarnation:x}"));
        RenewConnections();
        _joined = new JoinedNode(node, id);
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> LeaveAsync(NodeId node, DataIdentity data, CancellationToken cancellationToken)
    {
        var hasLeft = await CallAsync(
            _membership, node, connection => ClusterCalls.LeaveAsync(connection, node, data), cancellationToken).ConfigureAwait(false);
        if (hasLeft)
            RenewConnections(); // it needs none of them any more
        return hasLeft;
    }

    /// <inheritdoc/>
    public ValueTask<RenewedLease> RenewAsync(
        NodeId node, long number, ImmutableArray<NodeId> acknowledged, CancellationToken cancellationToken) =>
        CallAsync(_renewals, node, connection => ClusterCalls.RenewAsync(connection, node, number, acknowledged), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> EvictAsync(NodeId node, DataIdentity data, long renewal, CancellationToken cancellationToken) =>
        CallAsync(_evictions, node, connection => ClusterCalls.EvictAsync(connection, node, data, renewal), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ShardHolder>> ClaimAsync(
        NodeId node, DataIdentity data, IReadOnlyCollection<Shard> shards, CancellationToken cancellationToken) =>
        CallAsync(_claims, node, connection => ClusterCalls.ClaimAsync(connection, node, data, shards), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ClusterPoll> PollAsync(KnownCluster known, CancellationToken cancellationToken) =>
        CallAsync(_polls, node: default, new PollReader(known).ReadAsync, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken) =>
        ListOnlineUsersAsync(
            (snapshot, read) => snapshot.Add(ListOnlineUsers, read).With(shard.Number, afterId, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken) =>
        ListEndedSessionsAsync(
            (snapshot, read) => snapshot.Add(ListEndedSessions, read).With(shard.Number, afterId, limit), cancellationToken);

    private protected override Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        _database.CheckAsync(connection, cancellationToken);

    private protected override Task TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        _database.EnterAsync(connection, cancellationToken);

    private protected override void Release()
    {
        // A node leaves by a call. One that does not is evicted.
    }

    private protected override void Close()
    {
        foreach (var connection in new[] { _membership, _renewals, _evictions, _claims, _polls })
            connection.Dispose();
        base.Close();
    }

    private protected override StorageException Fence(PostgresException exception) => Evicted(Joined.Node, exception);

    private protected override StorageException? FindRefusal(PostgresException exception) =>
        exception.SqlState == PostgresFaults.OtherData ? new OtherDataException(exception.MessageText) : null;

    private static NodeEvictedException Evicted(NodeId node, Exception? inner = null) =>
        new($"The run {node} of the node is not active.", inner);

    private JoinedNode Joined => _joined ?? throw new InvalidOperationException("The node has not joined.");

    private void RenewConnections()
    {
        foreach (var connection in new[] { _membership, _renewals, _evictions, _claims, _polls })
            connection.Renew();
    }

    private async ValueTask<T> CallAsync<T>(
        CallConnection connection, NodeId node, Func<NpgsqlConnection, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await connection.RunAsync(call, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresFaults.Fenced)
        {
            throw Evicted(node, exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            // The server was restarted or replaced: the other connections have ended too.
            if (PostgresFaults.IsEndOfSession(exception))
                RenewConnections();
            throw PostgresFaults.Translate(exception);
        }
    }
}

/// <summary>The run that has joined with a store.</summary>
/// <param name="Node">The run.</param>
/// <param name="Id">The key of its row.</param>
internal sealed record JoinedNode(NodeId Node, long Id);
