using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Cluster.Routing;

/// <summary>The owner of a shard runs the calls of other nodes in their order, and answers only while it may.</summary>
public sealed class OwnedCallsTests : IAsyncLifetime
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId Ingress = new("b", 1);

    private readonly ShardGates _gates = new();
    private readonly ShardTable _table = new();
    private readonly World _world;
    private readonly Executor _executor = new();
    private readonly SemaphoreSlim _woken = new(0);
    private readonly List<ResultItem> _results = [];
    private CachedService _service = null!;
    private OwnedCalls _calls = null!;
    private bool _isConfirmed = true;

    public OwnedCallsTests()
    {
        _world = new World(gates: _gates);
        _world.Tracker.Resume(default);
        _world.Tracker.Start();
    }

    private Shard AdasShard => Shard.Of(_service.Sid, World.Id("ada"));

    public async ValueTask InitializeAsync()
    {
        _service = await _world.NewService();
        _calls = Create(_world.Services);
        _gates.Set(AdasShard, new ShardGate(ShardGateState.Open, 1));
        _table.Update(AdasShard, new KnownHolder(Self, 1, default));
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        _woken.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Calls_keep_their_order_while_their_service_instance_is_read()
    {
        var cold = Create(new ServiceCache(_world.Store));
        _world.Store.Faults.StallAllReads(after: 0);
        cold.Receive(Ingress, Beat(1));
        cold.Receive(Ingress, End(2));
        cold.Receive(Ingress, Beat(3));
        Assert.Equal(3, cold.Count);
        Assert.Empty(_results);

        _world.Store.Faults.Clear();
        await WokenAsync();
        cold.Flush();
        _world.Write();
        await WokenAsync(); // the heartbeat or the end
        cold.Flush();

        // The second heartbeat came after the end, so it is rejected.
        Assert.Equal([1, 2, 3], _results.Select(result => result.Call).Order());
        Assert.IsType<CallResult.Done>(ResultOf(2));
        Assert.Equal(ErrorReason.SessionEnded, Assert.IsType<CallResult.Failed>(ResultOf(3)).Error.Reason);
        Assert.Equal(0, cold.Count);
    }

    [Fact]
    public async Task A_service_instance_that_does_not_exist_is_not_found()
    {
        _calls.Receive(Ingress, Beat(1) with { Service = new ServiceSid(99) });
        await WokenAsync();
        _calls.Flush();

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, Assert.IsType<CallResult.Failed>(ResultOf(1)).Error.Reason);
    }

    [Fact]
    public void A_service_instance_with_the_same_SID_and_another_key_is_not_found()
    {
        _calls.Receive(Ingress, Beat(1) with { ServiceId = _service.Id - 1 });
        _calls.Receive(Ingress, End(2) with { ServiceId = _service.Id - 1 });

        foreach (var call in new[] { 1, 2 })
            Assert.Equal(ErrorReason.ServiceInstanceNotFound, Assert.IsType<CallResult.Failed>(ResultOf(call)).Error.Reason);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public async Task A_call_for_a_service_instance_that_was_created_again_with_its_SID_waits_until_the_owner_has_read_it()
    {
        var (before, after) = await CreateAgainAsync();

        _calls.Receive(Ingress, Beat(1) with { ServiceId = after }); // the hint of the deletion has not come here
        _calls.Receive(Ingress, End(2) with { ServiceId = after });
        Assert.Empty(_results);
        await FlushAsync();
        _world.Write();
        await FlushAsync();

        Assert.True(before < after);
        Assert.IsType<CallResult.Done>(ResultOf(1));
        Assert.IsType<CallResult.Done>(ResultOf(2));
        Assert.Equal(after, _world.Services.FindCached(_service.Sid)!.Id);
    }

    [Fact]
    public async Task A_call_that_comes_while_an_earlier_service_instance_is_read_waits_for_another_read()
    {
        var cold = Create(new ServiceCache(_world.Store));
        _world.Store.Faults.StallAllReads(after: 0);
        cold.Receive(Ingress, Beat(1));
        _world.Store.Faults.Clear(); // the read ends with the service instance of before
        var (_, after) = await CreateAgainAsync();

        cold.Receive(Ingress, Beat(2) with { ServiceId = after });
        await FlushAsync(cold);
        await FlushAsync(cold);
        _world.Write();
        await FlushAsync(cold);

        Assert.IsType<CallResult.Done>(ResultOf(2));
    }

    [Fact]
    public async Task A_later_service_instance_than_the_store_has_costs_one_read_and_is_not_found()
    {
        var before = _world.Store.Faults.Reads;

        _calls.Receive(Ingress, Beat(1) with { ServiceId = _service.Id + 1 });
        await FlushAsync();

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, Assert.IsType<CallResult.Failed>(ResultOf(1)).Error.Reason);
        Assert.Equal(1, _world.Store.Faults.Reads - before);
        Assert.Equal(0, _calls.Count);
    }

    [Fact]
    public void The_end_of_a_session_is_rejected_if_neither_the_ingress_nor_the_owner_knows_that_the_user_exists()
    {
        _calls.Receive(Ingress, End(1) with { Exists = false });
        Assert.Equal(ErrorReason.UserNotFound, Assert.IsType<CallResult.Failed>(ResultOf(1)).Error.Reason);

        _calls.Receive(Ingress, Beat(2));
        _calls.Receive(Ingress, End(3) with { Exists = false });
        _world.Write();
        _calls.Flush();

        Assert.IsType<CallResult.Done>(ResultOf(3));
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public async Task A_heartbeat_that_must_be_stored_is_answered_after_its_commit()
    {
        _calls.Receive(Ingress, Beat(1));
        _calls.Flush();
        Assert.Empty(_results);

        _world.Write();
        await WokenAsync();
        _calls.Flush();

        Assert.IsType<CallResult.Done>(ResultOf(1));
    }

    [Fact]
    public async Task AnsweredCounts_a_result_is_withheld_if_this_node_is_unconfirmed_when_it_answers()
    {
        _calls.Receive(Ingress, Beat(1));
        _world.Write();
        await WokenAsync();

        _isConfirmed = false; // it was confirmed when the heartbeat came
        _calls.Flush();

        Assert.Equal(ErrorReason.OwnerUnavailable, Assert.IsType<CallResult.Failed>(ResultOf(1)).Error.Reason);
    }

    [Fact]
    public async Task AnsweredCounts_a_rejection_is_withheld_if_this_node_is_unconfirmed()
    {
        await _world.Online(_service, "ada", "s");
        await _world.Offline(_service, "ada", "s");
        _calls.Receive(Ingress, Beat(1));
        Assert.Equal(ErrorReason.SessionEnded, Assert.IsType<CallResult.Failed>(ResultOf(1)).Error.Reason);

        _isConfirmed = false;
        _calls.Receive(Ingress, Beat(2));

        Assert.Equal(ErrorReason.OwnerUnavailable, Assert.IsType<CallResult.Failed>(ResultOf(2)).Error.Reason);
    }

    [Fact]
    public void The_result_of_a_write_is_protected_by_its_commit_and_needs_no_confirmation()
    {
        _isConfirmed = false;
        _executor.Answer.SetResult(new CallResponse("done"u8.ToArray()));

        _calls.Receive(Ingress, new RequestItem(1, AdasShard, default, RequestKind.Write));
        _calls.Receive(Ingress, new RequestItem(2, AdasShard, default, RequestKind.ReadSessions));

        Assert.Equal("done"u8.ToArray(), Assert.IsType<CallResult.Done>(ResultOf(1)).Response.Body.ToArray());
        Assert.Equal(ErrorReason.OwnerUnavailable, Assert.IsType<CallResult.Failed>(ResultOf(2)).Error.Reason);
    }

    [Fact]
    public void A_node_that_does_not_hold_the_shard_names_the_holder()
    {
        _gates.Set(AdasShard, default);
        var holder = new KnownHolder(new NodeId("c", 1), 2, default);
        _table.Update(AdasShard, holder);
        _executor.Answer.SetException(new ShardMovedException(AdasShard));

        _calls.Receive(Ingress, Beat(1));
        _calls.Receive(Ingress, End(2));
        _calls.Receive(Ingress, new RequestItem(3, AdasShard, default, RequestKind.Write));

        foreach (var call in new[] { 1, 2, 3 })
            Assert.Equal(holder, Assert.IsType<CallResult.Moved>(ResultOf(call)).Holder);
    }

    [Fact]
    public void A_bug_in_a_call_fails_the_call_and_says_nothing_of_itself()
    {
        _executor.Answer.SetException(new InvalidOperationException("a path or a secret"));

        _calls.Receive(Ingress, new RequestItem(1, AdasShard, default, RequestKind.Write));

        var error = Assert.IsType<CallResult.Failed>(ResultOf(1)).Error;
        Assert.Equal(ErrorReason.Internal, error.Reason);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SharedQuota_The_owner_of_a_call_learns_that_its_ingress_has_charged_it()
    {
        _calls.Receive(Ingress, new RequestItem(1, AdasShard, default, RequestKind.Write));
        Assert.Equal([true], _executor.Charged);
    }

    [Fact]
    public void SharedQuota_The_result_of_a_call_says_how_many_rows_it_read()
    {
        _executor.Answer.SetResult(new CallResponse("done"u8.ToArray(), RowsRead: 7));

        _calls.Receive(Ingress, new RequestItem(1, AdasShard, default, RequestKind.Write));

        Assert.Equal(7, Assert.IsType<CallResult.Done>(ResultOf(1)).Response.RowsRead);
    }

    private static UserRef Ada => new(World.Id("ada"), Sid: null, MayCreate: true);

    private HeartbeatItem Beat(long call) =>
        new(call, AdasShard, _service.Sid, _service.Id, Ada, World.Session("s"), Stream: null);

    private EndSessionItem End(long call) => new(call, AdasShard, _service.Sid, _service.Id, Ada, World.Session("s"), Exists: true);

    /// <summary>Deletes the service instance and creates it again. The cache of the owner has only the one before.</summary>
    private async Task<(long Before, long After)> CreateAgainAsync()
    {
        using var other = new World(_world.Store.OpenAnotherWriter());
        await other.Do(new DeleteServiceInstance(_service.Sid));
        await other.Do(new CreateServiceInstance(_service.Sid, ""));
        var created = await other.Services.GetAsync(_service.Sid, TestContext.Current.CancellationToken);
        return (_service.Id, created.Id);
    }

    private async Task FlushAsync(OwnedCalls? calls = null)
    {
        await WokenAsync();
        (calls ?? _calls).Flush();
    }

    private CallResult ResultOf(long call) => Assert.Single(_results, result => result.Call == call).Result;

    private async Task WokenAsync()
    {
        var isWoken = await _woken.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.True(isWoken, "nothing has asked for a flush");
    }

    private OwnedCalls Create(ServiceCache services) => new(
        _world.Tracker, _world.Tracker.Streams!, services, _executor, _table, () => _isConfirmed,
        (to, item) =>
        {
            Assert.Equal(Ingress, to);
            _results.Add(Assert.IsType<ResultItem>(item));
        },
        () => _woken.Release());

    private sealed class Executor : ICallExecutor
    {
        public TaskCompletionSource<CallResponse> Answer { get; } = new();

        public List<bool> Charged { get; } = [];

        public Task<CallResponse> ExecuteAsync(Shard shard, ReadOnlyMemory<byte> request, bool isCharged)
        {
            Charged.Add(isCharged);
            return Answer.Task;
        }
    }
}
