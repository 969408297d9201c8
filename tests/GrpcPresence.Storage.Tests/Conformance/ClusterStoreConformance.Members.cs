using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Joining, leaving, leases and evictions.</summary>
public abstract partial class ClusterStoreConformance
{
    [Fact]
    public async Task A_node_that_joins_is_a_member_with_a_new_lease_and_its_own_row_of_commits()
    {
        var first = await JoinAsync("b");
        var before = await PollAsync(first);
        var second = await JoinAsync("a", incarnation: 7);

        var poll = await PollAsync(first, before);

        Assert.Equal([second.Id, first.Id], poll.Members!.Value);
        Assert.True(poll.MembersVersion > before.MembersVersion);
        var lease = await LeaseAsync(first, second);
        Assert.Equal((second.Id, 0L), (lease!.Node, lease.Renewal));
        Assert.Empty(lease.Members);
        Assert.Empty(lease.Acknowledged);
        Assert.True(Commit(first).IsWhole);
        Assert.True(Commit(first).IsWhole);
        Assert.True(Commit(second).IsWhole);
        Assert.Equal((2L, 1L), (StoreSession.Of(first.Store).Reopen().LastCommit, StoreSession.Of(second.Store).Reopen().LastCommit));
    }

    [Fact]
    public async Task A_node_does_not_join_while_an_earlier_run_of_its_name_is_active()
    {
        var earlier = await JoinAsync("a", incarnation: 1);
        await ClaimAsync(earlier, 1);
        Commit(earlier);
        await earlier.Store.RenewAsync(earlier.Id, 3, [earlier.Id], Stop);
        var next = new Member(OpenNode(), new NodeId("a", 2));

        var lease = await next.Store.JoinAsync(next.Id, Stop);

        Assert.Equal((earlier.Id, 3L), (lease!.Node, lease.Renewal));
        Assert.Equal([earlier.Id], lease.Acknowledged);
        Assert.True(Commit(earlier).IsWhole);
        Assert.True(await next.Store.EvictAsync(earlier.Id, lease.Data, lease.Renewal, Stop));
        Assert.Null(await next.Store.JoinAsync(next.Id, Stop));
        Assert.Equal([next.Id], (await PollAsync(next)).Members!.Value);
        Assert.Null((await HolderAsync(next, 1)).Node);
        var position = StoreSession.Of(next.Store).Reopen();
        Assert.Equal((2L, null), (position.LastCommit, position.LastResult));
        Assert.True(Commit(next).IsWhole);
    }

    [Fact]
    public async Task Joining_again_does_nothing_and_a_run_that_has_ended_cannot_join()
    {
        var node = await JoinAsync("a", incarnation: 5);
        await node.Store.RenewAsync(node.Id, 4, [], Stop);
        var before = await PollAsync(node);

        Assert.Null(await node.Store.JoinAsync(node.Id, Stop));

        Assert.Null((await PollAsync(node, before)).Members);
        Assert.Equal(4, (await LeaseAsync(node, node))!.Renewal);
        var other = OpenNode();
        await ThrowsAsync<NodeEvictedException>(() => other.JoinAsync(new NodeId("a", 4), Stop).AsTask());
        Assert.True(await node.Store.LeaveAsync(node.Id, node.Data, Stop));
        await ThrowsAsync<NodeEvictedException>(() => node.Store.JoinAsync(node.Id, Stop).AsTask());
        await ThrowsAsync<NodeEvictedException>(() => other.JoinAsync(new NodeId("a", 4), Stop).AsTask());
        Assert.Null(await other.JoinAsync(new NodeId("a", 6), Stop));
    }

    [Fact]
    public async Task A_store_that_has_not_joined_is_not_opened_and_a_commit_names_its_node()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => OpenNode().ReopenAsync().AsTask());
        var node = await JoinAsync("a");
        var writes = StoreSession.Of(node.Store).Build();

        Assert.Throws<InvalidOperationException>(() => StoreSession.Of(node.Store).Commit(writes));
    }

    [Fact]
    public async Task A_node_that_leaves_ends_its_membership_and_holds_nothing()
    {
        var (leaving, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(leaving, 1, 2);
        await ClaimAsync(other, 3);
        var before = await PollAsync(other);

        Assert.True(await leaving.Store.LeaveAsync(leaving.Id, leaving.Data, Stop));
        Assert.True(await leaving.Store.LeaveAsync(leaving.Id, leaving.Data, Stop));

        var poll = await PollAsync(other, before);
        Assert.Equal([other.Id], poll.Members!.Value);
        Assert.Equal([(1, null), (2, null)], poll.Shards.Select(row => (row.Shard.Number, row.Node)));
        Assert.All(poll.Shards, row => Assert.True(row.Epoch > held[0].Epoch));
        Assert.Equal(other.Id, (await HolderAsync(other, 3)).Node);
        Assert.Null(await LeaseAsync(other, leaving));
    }

    [Fact]
    public async Task A_renewal_stores_its_number_and_the_members_of_now_and_of_the_last_answer()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));

        Assert.Equal([a.Id, b.Id], (await a.Store.RenewAsync(a.Id, 1, [], Stop)).Members);
        Assert.True(await b.Store.LeaveAsync(b.Id, b.Data, Stop));
        Assert.Equal([a.Id], (await a.Store.RenewAsync(a.Id, 5, [a.Id, b.Id], Stop)).Members);

        var lease = await LeaseAsync(a, a);
        Assert.Equal(5, lease!.Renewal);
        Assert.Equal([a.Id], lease.Members);
        Assert.Equal([a.Id, b.Id], lease.Acknowledged);
    }

    [Fact]
    public async Task Each_poll_shows_the_leases_of_all_active_nodes_of_its_data()
    {
        var (b, a) = (await JoinAsync("b"), await JoinAsync("a"));
        var (left, dead) = (await JoinAsync("c"), await JoinAsync("d"));
        await left.Store.LeaveAsync(left.Id, left.Data, Stop);
        await EvictAsync(a, dead);
        var before = await PollAsync(a);
        await b.Store.RenewAsync(b.Id, 7, [], Stop);

        var poll = await PollAsync(a, before);

        Assert.Null(poll.Members);
        Assert.Equal([(a.Id, 0L, a.Data), (b.Id, 7L, a.Data)], poll.Leases.Select(lease => (lease.Node, lease.Renewal, lease.Data)));
    }

    [Fact]
    public async Task A_renewal_names_the_data_that_holds_the_lease()
    {
        var node = await JoinAsync("a");
        Assert.Equal(node.Data, (await node.Store.RenewAsync(node.Id, 1, [], Stop)).Data);
    }

    [Fact]
    public async Task A_claim_an_eviction_and_a_leave_that_name_other_data_do_nothing()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var other = a.Data with { Timeline = a.Data.Timeline + 1 };

        Assert.Empty(await a.Store.ClaimAsync(a.Id, other, [new Shard(1)], Stop));
        Assert.False(await a.Store.EvictAsync(b.Id, other, 0, Stop));
        Assert.False(await b.Store.LeaveAsync(b.Id, other, Stop));

        Assert.Null((await HolderAsync(a, 1)).Node);
        Assert.NotNull(await LeaseAsync(a, b));
        Assert.True(await a.Store.EvictAsync(b.Id, a.Data, 0, Stop));
    }

    [Fact]
    public async Task A_renewal_that_was_overtaken_changes_nothing()
    {
        var node = await JoinAsync("a");
        await node.Store.RenewAsync(node.Id, 5, [node.Id], Stop);

        foreach (var late in new[] { 4, 5 })
            await ThrowsAsync<StorageException>(() => node.Store.RenewAsync(node.Id, late, [], Stop).AsTask());

        var lease = await LeaseAsync(node, node);
        Assert.Equal(5, lease!.Renewal);
        Assert.Equal([node.Id], lease.Acknowledged);
    }

    [Fact]
    public async Task An_eviction_needs_an_active_run_and_the_number_of_its_last_renewal()
    {
        var (a, b) = (await JoinAsync("a", incarnation: 2), await JoinAsync("b"));
        await ClaimAsync(b, 7);
        await b.Store.RenewAsync(b.Id, 3, [], Stop);
        var before = await DescribeAsync(a);

        Assert.False(await a.Store.EvictAsync(b.Id, a.Data, 2, Stop));
        Assert.False(await a.Store.EvictAsync(b.Id, a.Data, 4, Stop));
        Assert.False(await a.Store.EvictAsync(b.Id with { Incarnation = 0 }, a.Data, 3, Stop));
        Assert.False(await a.Store.EvictAsync(new NodeId("c", 1), a.Data, 0, Stop));
        Assert.Equal(before, await DescribeAsync(a));

        Assert.True(await a.Store.EvictAsync(b.Id, a.Data, 3, Stop));
        Assert.Equal([a.Id], (await PollAsync(a)).Members!.Value);
        Assert.Null(await LeaseAsync(a, b));
        Assert.False(await a.Store.EvictAsync(b.Id, a.Data, 3, Stop));
    }

    [Fact]
    public async Task An_eviction_makes_the_shards_of_the_dead_node_free_and_no_others()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        await ClaimAsync(a, 1);
        var held = await ClaimAsync(b, 2, 3);
        var before = await PollAsync(a);

        await EvictAsync(a, b);

        var poll = await PollAsync(a, before);
        Assert.Equal([(2, null), (3, null)], poll.Shards.Select(row => (row.Shard.Number, row.Node)));
        Assert.All(poll.Shards, row => Assert.True(row.Epoch > held[0].Epoch));
        var taken = await ClaimAsync(a, 2, 3);
        Assert.True(taken[0].Epoch > poll.Shards[0].Epoch);
    }

    [Fact]
    public async Task A_renewal_between_the_vote_and_the_eviction_defeats_it()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        await b.Store.RenewAsync(b.Id, 1, [], Stop);
        var lease = await LeaseAsync(a, b);
        await b.Store.RenewAsync(b.Id, 2, [], Stop);

        Assert.False(await a.Store.EvictAsync(b.Id, a.Data, lease!.Renewal, Stop));

        Assert.True(Commit(b).IsWhole);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_left_or_was_evicted_writes_nothing(bool evicted)
    {
        var observer = await JoinAsync("observer");
        var (service, ada, bob) = NewService(observer);
        var key = Sample.ApiKey(1);
        Commit(observer, session =>
        {
            key = session.InsertApiKey(key);
            session.InsertBinding(service.Id, bob.Id, Sample.Binding(1, bob));
            session.AddEndedSession(service.Id, ada.Identity, SessionId.FromTrusted("ended"), TimeSpan.FromHours(1));
        });
        var number = 0;
        foreach (var (kind, write) in EveryKindOfRow(service, ada, bob, key))
        {
            var node = await JoinAsync($"node-{++number}");
            await ClaimAsync(node, number);
            var writes = Build(node, write); // names no shard: the fence alone must do
            if (evicted)
                await EvictAsync(observer, node);
            else
                Assert.True(await node.Store.LeaveAsync(node.Id, node.Data, Stop));
            var before = await DescribeAsync(observer);

            var thrown = Record.Exception(() => StoreSession.Of(node.Store).Commit(writes));

            Assert.True(thrown is NodeEvictedException, $"{kind}: {thrown}");
            Assert.True(before.SequenceEqual(await DescribeAsync(observer)), kind);
        }
    }

    [Fact]
    public async Task Nothing_else_that_an_evicted_node_sends_has_an_effect()
    {
        var (observer, node) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, ada, _) = NewService(observer);
        Commit(observer, session => session.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 11)));
        var home = Shard.Of(service.Sid).Number;
        var switched = Build(node);
        switched.Switches.Add(new ShardSwitch(new Shard(home), (await ClaimAsync(node, home))[0].Epoch, observer.Id));
        await EvictAsync(observer, node);
        var before = await DescribeAsync(observer);

        await ThrowsAsync<NodeEvictedException>(() => node.Store.CommitAsync(switched).AsTask());
        await ThrowsAsync<NodeEvictedException>(() => node.Store.ReopenAsync().AsTask());
        await ThrowsAsync<NodeEvictedException>(() => node.Store.PurgeAsync(DateTimeOffset.MaxValue, 100).AsTask());
        await ThrowsAsync<NodeEvictedException>(
            () => node.Store.ClaimAsync(node.Id, node.Data, [new Shard(1), new Shard(home)], Stop).AsTask());
        await ThrowsAsync<NodeEvictedException>(() => node.Store.RenewAsync(node.Id, 9, [], Stop).AsTask());
        Assert.True(await node.Store.LeaveAsync(node.Id, node.Data, Stop));

        Assert.Equal(before, await DescribeAsync(observer));
        Assert.Null(await LeaseAsync(observer, node));
        Assert.NotNull(await node.Store.FindServiceAsync(service.Sid, Stop)); // reads are not fenced
    }

    private static Dictionary<string, Action<StoreSession>> EveryKindOfRow(
        ServiceRecord service, UserRecord ada, UserRecord bob, ApiKey key) => new()
        {
            ["nothing"] = _ => { },
            ["a new service instance"] = session => session.InsertService(Sample.Service(99)),
            ["a service instance"] = session => session.UpdateService(service with { FriendlyName = "changed", Revision = 11 }),
            ["a deleted service instance"] = session => session.DeleteService(service.Id),
            ["a new user"] = session => session.InsertUser(service.Id, Sample.User(5, 11)),
            ["a changed user"] = session => session.UpdateUser(ada with { FriendlyName = "changed", Revision = 11 }),
            ["a presence"] = session => session.UpdatePresence(bob with { IsOnline = true, Revision = 11, OnlineRevision = 11 }),
            ["a deleted user"] = session => session.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 11)),
            ["a tombstone"] = session =>
                session.AddTombstone(service.Id, new Tombstone(Sample.UserSid(8), Sample.Identity(8), 11, Sample.Time)),
            ["a new binding"] = session => session.InsertBinding(service.Id, ada.Id, Sample.Binding(2, ada)),
            ["an ended session"] = session =>
                session.AddEndedSession(service.Id, ada.Identity, SessionId.FromTrusted("another"), TimeSpan.FromHours(1)),
            ["a forgotten session"] = session =>
                session.RemoveEndedSession(service.Id, ada.Identity, SessionId.FromTrusted("ended")),
            ["a webhook"] = session => session.PutWebhook(StoredWebhook.DefaultOf(service) with { SecretGeneration = 9 }),
            ["notification settings"] = session =>
                session.PutNotifications(service.Id, new NotificationSettings { LogEnabled = true }),
            ["an alive mark"] = session => session.MarkAlive(service.Id, ada.Id, TimeSpan.FromHours(9)),
            ["the uptime"] = session => session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromHours(9))),
            ["a new API key"] = session => session.InsertApiKey(Sample.ApiKey(2)),
            ["a changed API key"] = session => session.UpdateApiKey(key with { RevokeTime = Sample.Time }),
            ["a deleted API key"] = session => session.DeleteApiKey(key),
        };
}
