using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Whole nodes that join, leave, die, and lose the store or a message.</summary>
public sealed class ClusterNodeTests : IAsyncLifetime
{
    private const double Joining = 6; // seconds in which a node joins and gets its shards

    private static readonly Shard[] Shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];
    private static readonly string[] Users = [.. Enumerable.Range(0, 40).Select(number => $"user{number}")];

    private readonly RunningNodes _nodes = new();
    private SimulatedNode _a = null!;

    public async ValueTask InitializeAsync()
    {
        await _nodes.CreateServiceAsync();
        _a = _nodes.Start("a");
        Advance(seconds: 3);
        _nodes.AfterStep = () => Assert.All(Shards, shard => Assert.InRange(_nodes.HoldersOf(shard).Count, 0, 1));
    }

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Live_a_node_that_starts_again_evicts_its_own_earlier_run_and_holds_the_shards()
    {
        _nodes.Kill(_a);
        Advance(seconds: 0.5);

        var again = _nodes.Start("a");
        Advance(seconds: 4);

        Assert.Equal(again.Id, Assert.Single(_nodes.Store.Image.Cluster.Members));
        Assert.Equal(Shards, ShardsOf(again));
        Assert.True(again.Node.IsReady);
    }

    [Fact]
    public async Task NoFalseOffline_the_shards_of_a_node_that_died_have_another_holder_within_5_s_and_no_steady_user_goes_offline()
    {
        var (b, c) = await JoinTwoAsync();
        await BeatAsync(_a);
        Advance(seconds: 1);
        Assert.All(Users, user => Assert.True(_nodes.IsOnline(user)));
        Assert.Contains(Users, user => b.Answers(ShardOf(user)));
        var check = _nodes.AfterStep;
        _nodes.AfterStep = () =>
        {
            check!();
            Assert.All(Users, user => Assert.True(_nodes.IsOnline(user)));
        };

        _nodes.Kill(b);
        Advance(seconds: 5);

        Assert.Equal(Shards, ShardsOf(_a).Concat(ShardsOf(c)).OrderBy(shard => shard.Number));
        for (var beat = 0; beat < 10; beat++)
        {
            await BeatAsync(_a);
            Advance(seconds: 10);
        }
    }

    [Fact]
    public async Task StoreAway_deposes_none_of_three_nodes_in_60_s()
    {
        var (b, c) = await JoinTwoAsync();
        var nodes = new[] { _a, b, c };
        var held = nodes.Select(ShardsOf).ToArray();
        foreach (var node in nodes)
            node.Store.CutOff(true);
        _nodes.AfterStep = () => Assert.All(nodes, node => Assert.True(node.Node.IsConfirmed));

        Advance(seconds: 60);

        Assert.Equal(held, nodes.Select(ShardsOf));
        foreach (var node in nodes)
            node.Store.CutOff(false);
        Advance(seconds: 3);
        Assert.Equal(held, nodes.Select(ShardsOf));
    }

    [Fact]
    public void StoreAway_a_renewal_without_an_answer_is_given_up_at_its_deadline()
    {
        _a.Store.ClusterFaults.Hold(ClusterCall.Renew);

        Advance(seconds: 20);

        Assert.Equal(1, _a.Store.ClusterFaults.Held);
        Assert.True(_a.Node.IsConfirmed); // it is the only member
        _a.Store.ClusterFaults.Clear();
    }

    [Fact]
    public async Task Keys_that_were_revoked_before_the_first_poll_of_a_node_are_revoked_there()
    {
        using var nodes = new RunningNodes();
        await nodes.CreateServiceAsync();
        using var world = new World(nodes.Store.OpenAnotherWriter());
        var key = await world.Do(new CreateApiKey(
            new ApiKeySid(1), new ApiKeySecret("salt", "hash"), "", ApiKeyRole.Admin, (ServiceSid?)null, "one.example"));
        await world.Do(new RevokeApiKey(key.Sid));

        var node = nodes.Start("a");
        node.Keys.Apply([key], []); // it has read the keys before
        nodes.Advance(TimeSpan.FromSeconds(3));

        Assert.True(node.Keys.Find(key.Sid)!.Current.IsRevoked);
    }

    [Fact]
    public async Task SteadyBeatsStayInMemory_a_heartbeat_of_an_online_user_reads_and_writes_nothing_whichever_node_receives_it()
    {
        var (b, c) = await JoinTwoAsync();
        SimulatedNode[] nodes = [_a, b, c];
        foreach (var node in nodes)
            await BeatAsync(node);
        Assert.All(Users, user => Assert.True(_nodes.IsOnline(user)));
        var revision = _nodes.Store.Image.Get(_nodes.Service).Record.Revision;
        var calls = nodes.Select(node => node.Store.CountedCalls).ToArray();

        for (var beat = 0; beat < 12; beat++)
            await BeatAsync(nodes[beat % nodes.Length]);

        Assert.Equal(calls, nodes.Select(node => node.Store.CountedCalls));
        Assert.Equal(revision, _nodes.Store.Image.Get(_nodes.Service).Record.Revision);
    }

    [Fact]
    public async Task NoFalseOffline_holds_for_a_user_whose_heartbeats_reach_any_node_that_can_talk_to_the_owner()
    {
        var (b, c) = await JoinTwoAsync();
        await BeatAsync(_a);
        var user = Users.First(user => b.Answers(ShardOf(user)));
        _nodes.Network.CutPair("a", "b"); // nobody suspects either of them

        for (var beat = 0; beat < 40; beat++)
        {
            var bound = await SendBeatAsync(_a, user);
            var other = await SendBeatAsync(c, user);
            Advance(seconds: 2.5);
            var error = Assert.IsType<PresenceException>(bound.Stored.Exception?.InnerException);
            Assert.Equal(ErrorReason.OwnerUnavailable, error.Reason);
            Assert.NotNull(error.RetryAfter);
            Assert.True(other.Stored.IsCompletedSuccessfully);
            Assert.True(_nodes.IsOnline(user));
        }
    }

    [Fact]
    public async Task A_node_that_leaves_gives_all_its_shards_away_and_then_leaves()
    {
        var (b, c) = await JoinTwoAsync();
        var held = ShardsOf(b);
        NodeEnd? end = null;
        b.Node.Ended += how => end = how;
        b.Store.ClusterFaults.Hold(ClusterCall.Leave);

        b.Node.Leave();
        Assert.False(b.Node.IsReady);
        for (var step = 0; step < 160 && b.Store.ClusterFaults.Held == 0; step++)
            Advance(seconds: 0.05);

        Assert.Equal(1, b.Store.ClusterFaults.Held);
        Assert.DoesNotContain(_nodes.Store.Image.Cluster.Shards.Values, shard => shard.Node == b.Id);
        b.Store.ClusterFaults.Clear();
        Advance(seconds: 0.5);
        Assert.Equal(NodeEndReason.Left, end?.Reason);
        Assert.Equal(NodeState.Left, _nodes.Store.Image.Cluster.Nodes["b"].State);
        Assert.Equal(Shards, ShardsOf(_a).Concat(ShardsOf(c)).OrderBy(shard => shard.Number));
        Assert.NotEmpty(held);
    }

    [Fact]
    public void OneHolder_a_node_that_leaves_with_shards_closes_them_before_others_can_take_them()
    {
        _a.Store.ClusterFaults.Hold(ClusterCall.Leave);
        Assert.Equal(Shards, ShardsOf(_a));

        _a.Node.Leave();
        for (var step = 0; step < 100 && _a.Store.ClusterFaults.Held == 0; step++)
            Advance(seconds: 0.05);

        Assert.Equal(1, _a.Store.ClusterFaults.Held);
        Assert.DoesNotContain(Shards, _a.Gates.IsOpen);
        Advance(seconds: 1);
        Assert.DoesNotContain(Shards, _a.Gates.IsOpen);
        _a.Store.ClusterFaults.Clear();
        Advance(seconds: 0.5);
        Assert.Equal(NodeEndReason.Left, _a.Node.End?.Reason);
    }

    [Fact]
    public async Task Live_a_node_that_closes_its_last_shards_leaves_although_another_one_joins_meanwhile()
    {
        await BeatAsync(_a);
        var service = await _a.Services.GetAsync(_nodes.Service, default);
        _a.Store.Faults.FailAllOperations(true);
        _ = _a.Node.Router.EndSession(
            service, new UserRef(World.Id(Users[0]), Sid: null, MayCreate: false), World.Session("s"), exists: true);
        Advance(seconds: 0.1);
        _a.Node.Leave();
        Advance(seconds: 1);
        Assert.DoesNotContain(Shards, _a.Gates.IsOpen);

        var b = _nodes.Start("b");
        Advance(seconds: 2);
        Assert.Null(_a.Node.End);
        _a.Store.Faults.Clear();
        Advance(seconds: Joining);

        Assert.Equal(NodeEndReason.Left, _a.Node.End?.Reason);
        Assert.Equal(Shards, ShardsOf(b));
    }

    [Fact]
    public async Task Durable_a_node_that_leaves_with_shards_stores_first_what_was_decided()
    {
        await BeatAsync(_a);
        var service = await _a.Services.GetAsync(_nodes.Service, default);
        _a.Store.Faults.FailAllOperations(true);
        var ended = _a.Node.Router.EndSession(
            service, new UserRef(World.Id(Users[0]), Sid: null, MayCreate: false), World.Session("s"), exists: true);
        Advance(seconds: 0.1);

        _a.Node.Leave();
        Advance(seconds: 2);
        Assert.Null(_a.Node.End);
        Assert.True(_nodes.IsOnline(Users[0]));
        _a.Store.Faults.Clear();
        Advance(seconds: 2);

        Assert.Equal(ErrorReason.StorageUnavailable, (await Assert.ThrowsAsync<PresenceException>(() => ended)).Reason);
        Assert.Equal(NodeEndReason.Left, _a.Node.End?.Reason);
        Assert.False(_nodes.IsOnline(Users[0]));
    }

    [Fact]
    public async Task NoFalseOffline_planned_moves_take_no_shard_over()
    {
        await BeatAsync(_a);
        Advance(seconds: 1);
        var epochs = Users.ToDictionary(user => user, user => _nodes.Store.Image.Cluster.Shards[ShardOf(user).Number]);
        var (b, _) = await JoinTwoAsync();

        b.Node.Leave();
        Advance(seconds: 8);

        // A shard that was taken over has the anonymous session, which lives for a full timeout. A moved one has its leases.
        Assert.Contains(Users, user => _nodes.Store.Image.Cluster.Shards[ShardOf(user).Number] != epochs[user]);
        Advance(seconds: 75 - Joining - Joining - 8 + 5);
        Assert.All(Users, user => Assert.False(_nodes.IsOnline(user)));
    }

    [Fact]
    public async Task A_node_that_its_view_lacks_ends_and_others_take_its_shards_over()
    {
        var (b, _) = await JoinTwoAsync();

        _nodes.Membership.Remove(b.Id);
        Advance(seconds: 0.1);
        Assert.Equal(NodeEndReason.NotInView, b.Node.End?.Reason);
        Assert.DoesNotContain(Shards, b.Gates.IsOpen);
        Advance(seconds: 5);

        Assert.All(Shards, shard => Assert.Single(_nodes.HoldersOf(shard)));
    }

    [Fact]
    public async Task OneTimeline_a_hint_of_other_data_changes_nothing()
    {
        var service = await _a.Services.GetAsync(_nodes.Service, default);
        var data = _nodes.Store.Image.Cluster.Identity;
        var stored = _nodes.Store.Image.Get(_nodes.Service).Record;
        var changed = stored with
        {
            Revision = stored.Revision + 1,
            Configuration = stored.Configuration with { ReachabilityEnabled = false, Revision = stored.Revision + 1 },
        };
        var commit = new ServiceCommit(changed, changed.Revision, [], [changed.Configuration], IsDeleted: false);

        _a.Node.Receive(new NodeId("b", 1), new CommitHint(data with { Timeline = data.Timeline + 1 }, [commit]));
        Assert.True(service.Configuration.ReachabilityEnabled);

        _a.Node.Receive(new NodeId("b", 1), new CommitHint(data, [commit]));
        Assert.False(service.Configuration.ReachabilityEnabled);
    }

    [Fact]
    public async Task A_change_of_a_configuration_reaches_another_node_at_once_by_a_hint_and_without_it_by_the_poll_within_1_s()
    {
        var b = _nodes.Start("b");
        Advance(seconds: Joining);
        var home = Shard.Of(_nodes.Service);
        var (owner, other) = _a.Answers(home) ? (_a, b) : (b, _a);
        var service = await other.Services.GetAsync(_nodes.Service, default);

        other.Store.CutOff(true); // no poll
        _ = owner.Node.Router.CallAsync(home, RequestKind.Write, "0\nswitch\noff"u8.ToArray(), _ => { });
        Advance(seconds: 0.2);
        Assert.False(service.Configuration.ReachabilityEnabled);

        other.Store.CutOff(false);
        Advance(seconds: 1);
        _nodes.Network.CutPair("a", "b"); // no hint
        _ = owner.Node.Router.CallAsync(home, RequestKind.Write, "0\nswitch\non"u8.ToArray(), _ => { });
        Advance(seconds: 1);
        Assert.True(service.Configuration.ReachabilityEnabled);
    }

    private Shard ShardOf(string user) => Shard.Of(_nodes.Service, World.Id(user));

    private static IReadOnlyList<Shard> ShardsOf(SimulatedNode node) => [.. Shards.Where(node.Answers)];

    /// <summary>Starts b and c, and returns them when each of the three has its shards.</summary>
    private async Task<(SimulatedNode B, SimulatedNode C)> JoinTwoAsync()
    {
        var b = _nodes.Start("b");
        Advance(seconds: Joining);
        var c = _nodes.Start("c");
        Advance(seconds: Joining);
        Assert.All(Shards, shard => Assert.Single(_nodes.HoldersOf(shard)));
        Assert.All(new[] { _a, b, c }, node => Assert.NotEmpty(ShardsOf(node)));
        foreach (var node in new[] { _a, b, c })
            await node.Services.GetAsync(_nodes.Service, default);
        return (b, c);
    }

    private async Task<HeartbeatResult> SendBeatAsync(SimulatedNode node, string user) => node.Node.Router.Beat(
        await node.Services.GetAsync(_nodes.Service, default), new UserRef(World.Id(user), Sid: null, MayCreate: true), World.Session("s"),
        stream: null);

    /// <summary>Sends a heartbeat of each user to the node, which must answer all of them.</summary>
    private async Task BeatAsync(SimulatedNode node, RoutedStream? stream = null)
    {
        var service = await node.Services.GetAsync(_nodes.Service, default);
        var beats = Users.Select(user => node.Node.Router.Beat(
            service, new UserRef(World.Id(user), Sid: null, MayCreate: true), World.Session("s"), stream)).ToArray();
        Advance(seconds: 0.5);
        foreach (var beat in beats)
        {
            Assert.Null(beat.Rejection);
            Assert.True(beat.Stored.IsCompletedSuccessfully, beat.Stored.Exception?.InnerException?.Message);
        }
    }

    private void Advance(double seconds) => _nodes.Advance(TimeSpan.FromSeconds(seconds));
}
