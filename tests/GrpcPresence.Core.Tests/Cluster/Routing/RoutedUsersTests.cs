using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Cluster.Routing;

/// <summary>When an ingress reads for a call whose user another node owns. The test is the owner.</summary>
public sealed class RoutedUsersTests : IAsyncLifetime
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId Owner = new("b", 1);
    private static readonly CallError NoUser = CallError.Of(PresenceErrors.UserNotFound(World.Id("ada")));

    private readonly ShardGates _gates = new();
    private readonly ShardTable _table = new();
    private readonly World _world;
    private readonly NodeClock _clock;
    private readonly UserRouter _router;
    private readonly RoutedUsers _users;
    private readonly List<CallItem> _sent = [];
    private readonly SemaphoreSlim _sending = new(0);
    private CachedService _service = null!;

    public RoutedUsersTests()
    {
        _world = new World(gates: _gates);
        _clock = new NodeClock(_world.Time);
        _router = new UserRouter(
            Self, _table, _gates, _world.Tracker, _world.Tracker.Streams!, _clock, () => true, Send, () => { });
        var resolver = new UserResolver(_world.Store, _world.Tracker, new SidCache(_world.Services));
        _users = new RoutedUsers(resolver, _world.Services, _router, _clock);
    }

    private int Reads => _world.Store.Faults.Reads;

    public async ValueTask InitializeAsync()
    {
        _service = await _world.NewService();
        _table.Update(Shard.Of(_service.Sid, World.Id("ada")), new KnownHolder(Owner, 1, default));
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        _sending.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task SteadyBeatsStayInMemory_the_end_of_a_session_by_identity_reads_nothing_if_the_owner_tracks_the_user()
    {
        var reads = Reads;

        var ended = EndAsync();
        Assert.False(Assert.IsType<EndSessionItem>(await SentAsync()).Exists);
        Answer(CallResult.Done.Empty);

        await ended;
        Assert.Equal(reads, Reads);
    }

    [Fact]
    public async Task The_end_of_a_session_of_a_user_that_the_owner_does_not_track_is_asked_for_again_after_one_read()
    {
        await _world.Do(new CreateUser(_service.Sid, World.Id("ada"), "", "{}", default));
        var reads = Reads;

        var ended = EndAsync();
        await SentAsync();
        Answer(new CallResult.Failed(NoUser));
        Assert.True(Assert.IsType<EndSessionItem>(await SentAsync()).Exists);
        Answer(CallResult.Done.Empty);

        await ended;
        Assert.Equal(reads + 1, Reads);
    }

    [Fact]
    public async Task The_end_of_a_session_of_a_user_that_does_not_exist_is_rejected_after_one_read()
    {
        var reads = Reads;

        var ended = EndAsync();
        await SentAsync();
        Answer(new CallResult.Failed(NoUser));

        Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => ended)).Reason);
        Assert.Equal(reads + 1, Reads);
        Assert.Single(_sent);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_to_a_service_instance_that_was_made_again_elsewhere_is_sent_again_for_the_later_one(bool isHeartbeat)
    {
        var later = await CreateAgainAsync();

        var call = isHeartbeat ? Beat() : EndAsync();
        Assert.Equal(_service.Id, ServiceIdOf(await SentAsync()));
        Answer(new CallResult.Failed(CallError.Of(PresenceErrors.ServiceInstanceNotFound(_service.Sid))));
        if (!isHeartbeat) // the user of the later one does not exist
        {
            Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => call)).Reason);
            return;
        }
        Assert.Equal(later, ServiceIdOf(await SentAsync()));
        Answer(CallResult.Done.Empty);

        await call;
        Assert.Equal(later, _world.Services.FindCached(_service.Sid)!.Id);
    }

    [Fact]
    public async Task Calls_to_a_service_instance_that_was_deleted_elsewhere_read_at_most_every_500_ms()
    {
        await DeleteAsync();
        var reads = Reads;

        for (var call = 0; call < 20; call++)
            await RejectAsync();
        Assert.Equal(reads + 1, Reads);

        _world.Time.Advance(Limits.ServiceReread - TimeSpan.FromMilliseconds(1));
        await RejectAsync();
        Assert.Equal(reads + 1, Reads);

        _world.Time.Advance(TimeSpan.FromMilliseconds(1));
        await RejectAsync();
        await RejectAsync();
        Assert.Equal(reads + 2, Reads);
    }

    [Fact]
    public async Task A_store_that_is_away_makes_a_call_unavailable_and_not_its_service_instance_not_found()
    {
        await DeleteAsync();
        _world.Store.Faults.FailReads(true);

        var call = Beat();
        await SentAsync();
        Answer(new CallResult.Failed(CallError.Of(PresenceErrors.ServiceInstanceNotFound(_service.Sid))));

        await Assert.ThrowsAsync<StorageException>(() => call);
    }

    private static long ServiceIdOf(CallItem item) => item is HeartbeatItem beat ? beat.ServiceId : ((EndSessionItem)item).ServiceId;

    private Task EndAsync() => _users.EndSessionAsync(
        _service, World.Key("ada"), World.Session("s"), TestContext.Current.CancellationToken);

    private Task Beat()
    {
        var beat = _users.Beat(_service, new UserRef(World.Id("ada"), Sid: null, MayCreate: true), World.Session("s"), stream: null);
        Assert.Null(beat.Rejection);
        return beat.Stored;
    }

    /// <summary>Sends a heartbeat that the owner rejects, because it does not know the service instance.</summary>
    private async Task RejectAsync()
    {
        var call = Beat();
        await SentAsync();
        Answer(new CallResult.Failed(CallError.Of(PresenceErrors.ServiceInstanceNotFound(_service.Sid))));
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(() => call)).Reason);
    }

    private async Task DeleteAsync()
    {
        using var other = new World(_world.Store.OpenAnotherWriter());
        await other.Do(new DeleteServiceInstance(_service.Sid));
    }

    private async Task<long> CreateAgainAsync()
    {
        await DeleteAsync();
        using var other = new World(_world.Store.OpenAnotherWriter());
        await other.Do(new CreateServiceInstance(_service.Sid, ""));
        return _world.Store.Image.Get(_service.Sid).Record.Id;
    }

    /// <summary>Returns the next call that the ingress sends to the owner.</summary>
    private async Task<CallItem> SentAsync()
    {
        var isSent = await _sending.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.True(isSent, "nothing was sent to the owner");
        return _sent[^1];
    }

    private void Answer(CallResult result) => _router.Receive(Owner, new ResultItem(_sent[^1].Call, result));

    private bool Send(NodeId to, LinkItem item, TimeSpan deadline)
    {
        Assert.Equal(Owner, to);
        _sent.Add(Assert.IsType<CallItem>(item, exactMatch: false));
        _sending.Release();
        return true;
    }
}
