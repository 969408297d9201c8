using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>A watch sees the commits of other nodes, also if every message about them is lost.</summary>
public sealed class WatchingNodesTests : RunningNodesTestBase
{
    private SimulatedNode _b = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Advance(seconds: 3);
        _b = Nodes.Start("b");
        Advance(seconds: 6);
        await First.Services.GetAsync(Nodes.Service, default);
    }

    [Fact]
    public async Task OneTimeline_the_poll_finds_what_a_watch_misses_also_if_its_service_instance_is_not_cached()
    {
        _b.Services.Remove(Nodes.Service, Stored.Id);
        using var watch = await OpenAsync();
        Nodes.Network.CutPair("a", "b");

        Beat(First);
        Advance(seconds: 2);

        Assert.Null(_b.Services.FindCached(Nodes.Service));
        Assert.Equal(Stored.Revision, Assert.Single(_b.Hub.Watched).Revision);
    }

    [Fact]
    public async Task OneTimeline_a_watch_that_was_opened_behind_the_poll_gets_what_the_poll_had_shown_before()
    {
        await _b.Services.GetAsync(Nodes.Service, default);
        Advance(seconds: 1);
        _b.Store.Faults.StallAllReads(after: 0);
        var opening = OpenAsync(); // it has read the revision, and not attached the watch
        _b.Store.Faults.StallAllReads(after: -1);
        Assert.True(_b.Store.Faults.AreReadsHanging);
        Nodes.Network.CutPair("a", "b");
        Beat(First);
        Advance(seconds: 2);

        _b.Store.Faults.ReleaseRead(0);
        using var watch = await opening;
        Advance(seconds: 2);

        Assert.Equal(Stored.Revision, Assert.Single(_b.Hub.Watched).Revision);
    }

    [Fact]
    public async Task A_node_that_has_missed_a_change_of_what_another_one_watches_asks_for_it()
    {
        Nodes.Network.Cut("b", "a");
        var first = await OpenAsync();
        Advance(seconds: 0.5);
        Assert.False(First.Hints.NeedsUsers(Nodes.Service));

        Nodes.Network.HealAll();
        Advance(seconds: 0.5);
        Assert.True(First.Hints.NeedsUsers(Nodes.Service));

        first.Dispose();
        Advance(seconds: 0.5);
        Assert.False(First.Hints.NeedsUsers(Nodes.Service));
    }

    [Fact]
    public async Task Live_a_hint_of_a_deletion_ends_the_service_instance_before_the_poll()
    {
        var cached = await _b.Services.GetAsync(Nodes.Service, default);
        _b.Store.ClusterFaults.Hold(ClusterCall.Poll);

        var deletion = new ServiceCommit(Stored, Stored.Revision, Users: [], Configurations: [], IsDeleted: true);
        _b.Node.Receive(First.Id, new CommitHint(_b.Node.Data, [deletion]));

        Assert.True(cached.IsDeleted);
        Assert.Null(_b.Services.FindCached(Nodes.Service));
    }

    private ServiceRecord Stored => Nodes.Store.Image.Get(Nodes.Service).Record;

    private Task<WatchSession> OpenAsync() => _b.Hub.OpenAsync(
        new WatchRequest(Nodes.Service, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: true, Token: null),
        _b.Store,
        default).AsTask();

    /// <summary>Brings a user of the node online, whose commit the node makes itself.</summary>
    private void Beat(SimulatedNode node)
    {
        var user = Enumerable.Range(0, 100).Select(number => World.Id($"user{number}"))
            .First(user => node.Answers(Shard.Of(Nodes.Service, user)));
        var beat = node.Node.Router.Beat(
            node.Services.FindCached(Nodes.Service)!, new UserRef(user, Sid: null, MayCreate: true), World.Session("s"), stream: null);
        Advance(seconds: 0.5);
        Assert.True(beat.Stored.IsCompletedSuccessfully);
    }
}
