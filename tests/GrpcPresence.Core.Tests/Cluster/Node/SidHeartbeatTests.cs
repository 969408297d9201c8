using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Heartbeats of users that are named by SID, through a node that does not track them.</summary>
public sealed class SidHeartbeatTests : IAsyncLifetime
{
    private const double Joining = 6; // seconds in which a node joins and gets its shards

    private readonly RunningNodes _nodes = new();
    private SimulatedNode _owner = null!;
    private SimulatedNode _ingress = null!;
    private CachedService _service = null!;
    private UserSid _ada;
    private string _session = "s";

    public async ValueTask InitializeAsync()
    {
        await _nodes.CreateServiceAsync();
        var a = _nodes.Start("a");
        var b = _nodes.Start("b");
        Advance(seconds: 2 * Joining);
        (_owner, _ingress) = a.Answers(AdasShard) ? (a, b) : (b, a);
        Assert.True(_owner.Answers(AdasShard));
        await _owner.Services.GetAsync(_nodes.Service, default);
        _service = await _ingress.Services.GetAsync(_nodes.Service, default);
        await CreateAsync();
        _ada = SidOfAda();
    }

    private Shard AdasShard => Shard.Of(_nodes.Service, World.Id("ada"));

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task SteadyBeatsStayInMemory_by_SID_through_another_node_only_the_first_heartbeat_reads()
    {
        var before = _ingress.Store.Faults.Reads;
        await BeatAsync();
        Assert.Equal(1, _ingress.Store.Faults.Reads - before);
        Advance(seconds: 1);
        (before, var ofOwner) = (_ingress.Store.Faults.Reads, _owner.Store.Faults.Reads);

        for (var beat = 0; beat < 20; beat++)
        {
            await BeatAsync();
            Advance(seconds: 20);
        }

        Assert.Equal((before, ofOwner), (_ingress.Store.Faults.Reads, _owner.Store.Faults.Reads));
    }

    [Fact]
    public async Task StoreAway_steady_heartbeats_by_SID_through_another_node_go_on()
    {
        await BeatAsync();
        foreach (var node in new[] { _owner, _ingress })
            node.Store.CutOff(true);

        for (var beat = 0; beat < 6; beat++)
        {
            Advance(seconds: 10);
            await BeatAsync();
        }

        foreach (var node in new[] { _owner, _ingress })
            node.Store.CutOff(false);
        Advance(seconds: 20);
        Assert.True(_nodes.IsOnline("ada")); // the session timeout is longer than a minute, but not longer than 80 s
    }

    [Fact]
    public async Task A_user_that_was_deleted_and_created_again_is_not_found_by_its_earlier_SID_and_found_by_its_present_one()
    {
        await BeatAsync();
        await CallAsync("delete");
        await CreateAsync();
        Assert.NotEqual(_ada, SidOfAda());
        _session = "another"; // that of before has ended with the user
        var reads = _ingress.Store.Faults.Reads;

        Assert.True(_ingress.Resolver.TryResolve(_service, new UserKey(_ada), out _)); // the ingress does not know yet
        Assert.Equal(ErrorReason.UserNotFound, await RejectedAsync());
        Assert.Equal(1, _ingress.Store.Faults.Reads - reads);
        Assert.False(_ingress.Resolver.TryResolve(_service, new UserKey(_ada), out _));
        Assert.Equal(ErrorReason.UserNotFound, await RejectedAsync());

        _ada = SidOfAda();
        await BeatAsync();
    }

    [Fact]
    public async Task The_end_of_a_session_by_the_SID_of_a_deleted_user_is_not_found_and_forgets_the_SID()
    {
        await BeatAsync();
        await CallAsync("delete");
        await CreateAsync();
        (_session, var deleted) = ("another", _ada);
        _ada = SidOfAda();
        await BeatAsync();
        Assert.True(_ingress.Resolver.TryResolve(_service, new UserKey(deleted), out _));

        var ended = _ingress.Users.EndSessionAsync(_service, new UserKey(deleted), World.Session(_session), default);
        Advance(seconds: 0.5);

        Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => ended)).Reason);
        Assert.False(_ingress.Resolver.TryResolve(_service, new UserKey(deleted), out _));
        Assert.True(_nodes.IsOnline("ada"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SteadyBeatsStayInMemory_the_end_of_a_session_through_another_node_reads_nothing(bool bySid)
    {
        await BeatAsync();
        Advance(seconds: 1);
        var (before, ofOwner) = (_ingress.Store.Faults.Reads, _owner.Store.Faults.Reads);

        var ended = _ingress.Users.EndSessionAsync(
            _service, bySid ? new UserKey(_ada) : World.Key("ada"), World.Session(_session), default);
        Advance(seconds: 0.5);
        await ended.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        Assert.False(_nodes.IsOnline("ada"));
        Assert.Equal((before, ofOwner), (_ingress.Store.Faults.Reads, _owner.Store.Faults.Reads));
    }

    private Task CreateAsync() => CallAsync("create");

    private async Task CallAsync(string what)
    {
        var call = _ingress.Node.Router.CallAsync(
            AdasShard, RequestKind.Write, System.Text.Encoding.UTF8.GetBytes($"0\n{what}\nada"), _ => { });
        Advance(seconds: 0.5);
        await call;
    }

    private async Task BeatAsync()
    {
        var beat = await BeginBeatAsync();
        Advance(seconds: 0.2);
        Assert.Null(beat.Rejection);
        await beat.Stored.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    private async Task<ErrorReason> RejectedAsync()
    {
        try
        {
            var beat = await BeginBeatAsync();
            Advance(seconds: 0.2);
            await beat.Stored;
        }
        catch (PresenceException error)
        {
            return error.Reason;
        }
        throw new InvalidOperationException("The heartbeat was accepted.");
    }

    private async Task<HeartbeatResult> BeginBeatAsync()
    {
        var user = await _ingress.Resolver.ResolveAsync(_service, new UserKey(_ada), default);
        return _ingress.Users.Beat(_service, user, World.Session(_session), stream: null);
    }

    private UserSid SidOfAda() => _nodes.Store.Image.Get(_nodes.Service).FindUser(World.Key("ada"))!.Sid;

    private void Advance(double seconds) => _nodes.Advance(TimeSpan.FromSeconds(seconds));
}
