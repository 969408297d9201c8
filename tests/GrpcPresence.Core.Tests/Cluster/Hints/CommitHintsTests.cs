using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Cluster.Hints;

/// <summary>A node sends its commits to the nodes that need them, and to no other.</summary>
public sealed class CommitHintsTests : IAsyncLifetime
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);

    private readonly World _world = new();
    private readonly View _view = new();
    private readonly Channel _channel = new();
    private readonly CommitHints _hints;
    private ServiceRecord _service = null!;

    public CommitHintsTests() => _hints = new CommitHints(_view, _channel, new StorageStatus());

    public async ValueTask InitializeAsync() =>
        _service = (await _world.Store.FindServiceAsync((await _world.NewService()).Sid, default))!;

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_commit_goes_only_to_the_nodes_that_watch_its_service_instance()
    {
        Watch(B, number: 1, _service.Sid);
        Watch(C, number: 1, new ServiceSid(99));
        Watch(Self, number: 1, _service.Sid);

        _hints.Publish([Commit()]);

        Assert.Equal([B], _channel.Sent.Select(sent => sent.To));
        Assert.True(_hints.NeedsUsers(_service.Sid));
    }

    [Fact]
    public void A_change_of_a_configuration_and_a_deletion_go_to_all_other_nodes()
    {
        _hints.Publish([Commit() with { Configurations = [_service.Configuration] }]);
        Assert.Equal([B, C], _channel.Sent.Select(sent => sent.To));
        _channel.Sent.Clear();

        _hints.Publish([Commit() with { IsDeleted = true }]);

        Assert.Equal([B, C], _channel.Sent.Select(sent => sent.To));
        Assert.False(_hints.NeedsUsers(_service.Sid));
    }

    [Fact]
    public void A_hint_contains_only_the_commits_that_the_node_needs()
    {
        Watch(B, number: 1, _service.Sid);
        var other = Commit() with { Service = _service with { Sid = new ServiceSid(99) } };

        _hints.Publish([other, Commit()]);

        Assert.Equal([_service.Sid], Assert.Single(_channel.Sent).Hint.Commits.Select(commit => commit.Service.Sid));
    }

    [Fact]
    public void The_latest_message_of_a_node_says_what_it_watches()
    {
        Watch(B, number: 2);
        Watch(B, number: 1, _service.Sid); // late
        _hints.Publish([Commit()]);
        Assert.Empty(_channel.Sent);

        Watch(B, number: 3, _service.Sid);
        _hints.Publish([Commit()]);

        Assert.Single(_channel.Sent);
    }

    [Fact]
    public void A_change_counts_if_it_follows_what_is_known()
    {
        _hints.Receive(B, new WatchedChange(1, [_service.Sid], []));
        Assert.True(_hints.NeedsUsers(_service.Sid));
        Assert.True(_hints.Knows(B, 1));

        _hints.Receive(B, new WatchedChange(3, [], [_service.Sid])); // it has overtaken change 2
        Assert.True(_hints.NeedsUsers(_service.Sid));
        Assert.False(_hints.Knows(B, 3));

        _hints.Receive(B, new WatchedChange(2, [new ServiceSid(99)], []));
        _hints.Receive(B, new WatchedChange(3, [], [_service.Sid]));
        Assert.False(_hints.NeedsUsers(_service.Sid));
        Assert.True(_hints.NeedsUsers(new ServiceSid(99)));
        Assert.True(_hints.Knows(B, 3));
    }

    [Fact]
    public void All_that_a_node_watches_counts_also_if_a_change_was_missed()
    {
        Assert.False(_hints.Knows(B, 5));
        Watch(B, number: 5, _service.Sid);
        _hints.Receive(B, new WatchedChange(5, [], [_service.Sid])); // repeated

        Assert.True(_hints.Knows(B, 5));
        Assert.True(_hints.NeedsUsers(_service.Sid));
    }

    [Fact]
    public void A_node_that_is_gone_gets_no_hint_and_is_forgotten()
    {
        Watch(B, number: 7, _service.Sid);
        _view.Current = new ClusterView(2, [Self, C]);
        _hints.Publish([Commit()]);
        Assert.Empty(_channel.Sent);

        _hints.Forget(_view.Current);

        Assert.False(_hints.NeedsUsers(_service.Sid));
    }

    private void Watch(NodeId node, long number, params ServiceSid[] services) =>
        _hints.Receive(node, new WatchedServices([.. services], number));

    private ServiceCommit Commit() => new(_service, _service.Revision, [], [], IsDeleted: false);

    private sealed class View : IClusterView
    {
        public NodeId Self => CommitHintsTests.Self;

        public ClusterView Current { get; set; } = new(1, [CommitHintsTests.Self, B, C]);
    }

    private sealed class Channel : INodeChannel
    {
        public List<(NodeId To, CommitHint Hint)> Sent { get; } = [];

        public void Send(NodeId receiver, NodeMessage message) => Sent.Add((receiver, Assert.IsType<CommitHint>(message)));
    }
}
