using System.Diagnostics;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Calls of a node of a cluster to a server whose connections stay open, and that does not answer.</summary>
public sealed class ClusterFrozenServerTests : IDisposable
{
    private static readonly NodeId Node = new("a", 1);

    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly SocketRelay _relay = new(PostgresServer.Shared.Directory);
    private readonly FakeTimeProvider _time = new();
    private readonly PostgresClusterStore _store;
    private readonly DataIdentity _data;

    public ClusterFrozenServerTests()
    {
        _store = PostgresTests.OpenNode(
            new NpgsqlConnectionStringBuilder(_connectionString) { Host = _relay.Directory }.ConnectionString, time: _time);
        Assert.Null(_store.JoinAsync(Node, Stop).AsTask().GetAwaiter().GetResult());
        StoreSession.Of(_store).Reopen();
        _data = _store.PollAsync(KnownCluster.Nothing, Stop).AsTask().GetAwaiter().GetResult().Identity;
    }

    public static TheoryData<string> Calls =>
        ["join", "leave", "renew", "evict", "claim", "poll", "users", "ended", "reopen", "purge", "commit"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _relay.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_call_that_is_not_answered_fails_after_its_limit_and_the_next_one_needs_no_earlier_connection(string name)
    {
        _relay.Freeze();
        var call = CallAsync(name, renewal: 1, Stop);
        Assert.False(call.IsCompleted);
        await Assert.ThrowsAnyAsync<StorageException>(() => AfterLimit(call));
        _relay.Thaw();

        StoreSession.Of(_store).Reopen();
        await CallAsync(name, renewal: 2, Stop);
    }

    [Theory]
    [InlineData("poll")]
    [InlineData("renew")]
    public async Task A_call_that_is_cancelled_ends_at_once_and_another_one_is_answered_beside_it(string name)
    {
        var held = _relay.HoldRequests();
        using var cancel = new CancellationTokenSource();
        var call = CallAsync(name, renewal: 1, cancel.Token);

        var began = Stopwatch.GetTimestamp();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1));

        await CallAsync(name, renewal: 2, Stop); // on another connection
        held();
    }

    private Task CallAsync(string name, long renewal, CancellationToken cancellationToken) => name switch
    {
        "join" => _store.JoinAsync(Node, cancellationToken).AsTask(),
        "leave" => _store.LeaveAsync(Node, _data with { Server = "other" }, cancellationToken).AsTask(),
        "renew" => _store.RenewAsync(Node, renewal, [], cancellationToken).AsTask(),
        "evict" => _store.EvictAsync(new NodeId("b", 1), _data, 0, cancellationToken).AsTask(),
        "claim" => _store.ClaimAsync(Node, _data, [new Shard(1)], cancellationToken).AsTask(),
        "poll" => _store.PollAsync(KnownCluster.Nothing, cancellationToken).AsTask(),
        "users" => _store.ListOnlineUsersAsync(new Shard(1), 0, 10, cancellationToken).AsTask(),
        "ended" => _store.ListEndedSessionsAsync(new Shard(1), 0, 10, cancellationToken).AsTask(),
        "reopen" => _store.ReopenAsync().AsTask(),
        "purge" => _store.PurgeAsync(DateTimeOffset.UnixEpoch, 10).AsTask(),
        _ => CommitAsync(),
    };

    private async Task CommitAsync()
    {
        var position = StoreSession.Of(_store).Position;
        await _store.CommitAsync(new()
        {
            Node = Node,
            Data = _data,
            Generation = position.Generation,
            Number = position.LastCommit + 1,
        });
    }

    /// <summary>Lets the limit pass, as soon as the call waits for it. Each attempt takes a round trip.</summary>
    private async Task AfterLimit(Task call)
    {
        for (var attempt = 0; attempt < 2000 && !call.IsCompleted; attempt++)
        {
            _time.Advance(PostgresConnections.AnswerLimit);
            PostgresServer.Query<int>(_connectionString, "SELECT 1");
        }
        Assert.True(call.IsCompleted);
        await call;
    }
}
