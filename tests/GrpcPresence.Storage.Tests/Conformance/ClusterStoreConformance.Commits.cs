using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Commits under epochs, switches, late commits, and what all nodes share.</summary>
public abstract partial class ClusterStoreConformance
{
    [Fact]
    public async Task A_commit_under_the_present_epochs_is_written()
    {
        var node = await JoinAsync("a");
        var held = await ClaimAsync(node, 1, 2);
        var (service, _, bob) = NewService(node);

        var result = Commit(node, session => session.UpdatePresence(bob with { IsOnline = true, Revision = 11 }), held);

        Assert.True(result.IsWhole);
        Assert.Empty(result.LostShards);
        Assert.Null(result.SwitchEpoch);
        Assert.Equal(3, (await node.Store.ListChangesAsync(service.Sid, 8, 10, Stop)).Changes.Count + 1);
    }

    [Theory]
    [InlineData("an earlier epoch")]
    [InlineData("a later epoch")]
    [InlineData("of another node")]
    [InlineData("of another node, with its epoch")]
    [InlineData("without a holder")]
    [InlineData("never held")]
    public async Task A_commit_with_a_lost_shard_writes_nothing_but_its_number(string lost)
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, ada, bob) = NewService(node);
        var key = Sample.ApiKey(1);
        Commit(node, session => key = session.InsertApiKey(key));
        var good = (await ClaimAsync(node, 1))[0];
        var bad = (await ClaimAsync(node, 2))[0];
        switch (lost)
        {
            case "an earlier epoch":
                bad = bad with { Epoch = bad.Epoch - 1 };
                break;
            case "a later epoch":
                bad = bad with { Epoch = bad.Epoch + 1 };
                break;
            case "of another node":
                Switch(node, other, bad);
                break;
            case "of another node, with its epoch":
                bad = bad with { Epoch = Switch(node, other, bad).SwitchEpoch!.Value };
                break;
            case "without a holder":
                Switch(node, other, bad);
                Assert.True(await other.Store.LeaveAsync(other.Id, other.Data, Stop));
                bad = bad with { Epoch = (await HolderAsync(node, 2)).Epoch };
                break;
            default:
                bad = new ShardEpoch(new Shard(3), Epoch: 0);
                break;
        }
        var number = StoreSession.Of(node.Store).Position.LastCommit;
        foreach (var (kind, write) in EveryKindOfRow(service, ada, bob, key))
        {
            var before = await DescribeAsync(node);

            var result = Commit(node, session => write(session), good, bad);

            Assert.True(result.IsRefused && !result.IsWhole, kind);
            Assert.Equal([bad.Shard], result.LostShards);
            Assert.True(result.IsStale(service.Sid), kind);
            Assert.True(before.SequenceEqual(await DescribeAsync(node)), kind);
            var position = StoreSession.Of(node.Store).Reopen();
            Assert.Equal(++number, position.LastCommit);
            Assert.Equal([bad.Shard], position.LastResult!.LostShards);
        }
        Assert.True(Commit(node, session => session.UpdatePresence(bob with { IsOnline = true, Revision = 11 }), good).IsWhole);
    }

    [Theory]
    [InlineData("the data before the first poll")]
    [InlineData("an earlier timeline")]
    [InlineData("a later timeline")]
    [InlineData("another server")]
    public async Task OneTimeline_a_commit_that_names_other_data_writes_nothing_and_not_its_number_either(string what)
    {
        var node = await JoinAsync("a");
        var held = await ClaimAsync(node, 1);
        var (service, ada, bob) = NewService(node);
        var key = Sample.ApiKey(1);
        Commit(node, session => key = session.InsertApiKey(key));
        var number = StoreSession.Of(node.Store).Position.LastCommit;
        var other = what switch
        {
            "an earlier timeline" => node.Data with { Timeline = node.Data.Timeline - 1 },
            "a later timeline" => node.Data with { Timeline = node.Data.Timeline + 1 },
            "another server" => node.Data with { Server = "another" },
            _ => default,
        };
        foreach (var (kind, write) in EveryKindOfRow(service, ada, bob, key))
        {
            var before = await DescribeAsync(node);
            var writes = Build(node, session => write(session), held);
            writes.Data = other;

            await ThrowsAsync<OtherDataException>(() => node.Store.CommitAsync(writes).AsTask());

            Assert.True(before.SequenceEqual(await DescribeAsync(node)), kind);
            Assert.Equal(number, StoreSession.Of(node.Store).Reopen().LastCommit);
        }
        Assert.True(Commit(node, session => session.UpdatePresence(bob with { IsOnline = true, Revision = 11 }), held).IsWhole);
    }

    [Fact]
    public async Task A_commit_of_an_evicted_node_that_names_other_data_says_that_the_node_is_evicted()
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var writes = Build(node);
        writes.Data = node.Data with { Timeline = node.Data.Timeline + 1 };
        await EvictAsync(other, node);

        await ThrowsAsync<NodeEvictedException>(() => node.Store.CommitAsync(writes).AsTask());
    }

    [Fact]
    public async Task A_lost_shard_is_named_even_if_the_rows_are_stale_as_well()
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, ada, _) = NewService(node);
        var writes = Build(
            node,
            session => session.UpdateUser(ada with { Revision = 11 }),
            new ShardEpoch(new Shard(1), 1),
            new ShardEpoch(new Shard(2), 1));
        Commit(other, session => session.UpdateUser(ada with { Revision = 11 }));

        var result = StoreSession.Of(node.Store).Commit(writes);

        Assert.Equal([new Shard(1), new Shard(2)], result.LostShards);
        Assert.True(result.IsStale(service.Sid));
    }

    [Fact]
    public async Task A_commit_that_was_decided_by_a_configuration_of_before_writes_nothing_of_the_service_instance()
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(node, 1);
        var (service, _, bob) = NewService(node);
        var (second, _, carl) = NewService(node, 2);
        var writes = Build(
            node,
            session =>
            {
                session.UpdatePresence(bob with { IsOnline = true, Revision = 11, OnlineRevision = 11 });
                session.UpdatePresence(carl with { IsOnline = true, Revision = 11, OnlineRevision = 11 });
            },
            held);
        Assert.True(Commit(other, session => session.UpdateService(service with
        {
            Configuration = service.Configuration with { ReachabilityEnabled = false },
        })).IsWhole);

        var result = StoreSession.Of(node.Store).Commit(writes);

        Assert.True(result.IsStale(service.Sid));
        Assert.False(result.IsStale(second.Sid));
        Assert.Empty((await other.Store.ListChangesAsync(service.Sid, 10, 10, Stop)).Changes);
        Assert.Single((await other.Store.ListChangesAsync(second.Sid, 10, 10, Stop)).Changes);
    }

    [Fact]
    public async Task A_switch_moves_shards_to_another_node_under_the_next_epoch()
    {
        var (giver, receiver) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(giver, 1, 2, 3);
        var before = await PollAsync(receiver);

        var result = Switch(giver, receiver, held[0], held[2]);

        var epoch = result.SwitchEpoch!.Value;
        Assert.True(result.IsWhole);
        Assert.True(epoch > held[0].Epoch);
        Assert.Equal(
            [(1, receiver.Id, epoch), (3, receiver.Id, epoch)],
            (await PollAsync(receiver, before)).Shards.Select(row => (row.Shard.Number, row.Node!.Value, row.Epoch)));
        Assert.Equal(epoch, StoreSession.Of(giver.Store).Reopen().LastResult!.SwitchEpoch);
        Assert.Equal([held[0].Shard], Commit(giver, null, held[0], held[1]).LostShards);
        Assert.True(Commit(receiver, null, held[0] with { Epoch = epoch }).IsWhole);
        Assert.Equal([held[2].Shard], Switch(giver, receiver, held[2]).LostShards);
        Assert.Equal(epoch, (await HolderAsync(giver, 3)).Epoch);
    }

    [Fact]
    public async Task A_switch_with_a_lost_shard_switches_none()
    {
        var (giver, receiver) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(giver, 1, 2);

        var result = Switch(giver, receiver, held[0], held[1] with { Epoch = held[1].Epoch + 1 });

        Assert.Equal([held[1].Shard], result.LostShards);
        Assert.Null(result.SwitchEpoch);
        Assert.True(Commit(giver, null, held).IsWhole);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_switch_to_a_node_that_is_not_active_writes_nothing(bool evicted)
    {
        var (giver, receiver) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(giver, 1);
        if (evicted)
            await EvictAsync(giver, receiver);
        else
            receiver = receiver with { Id = new NodeId("b", 2) };

        var result = Switch(giver, receiver, held[0]);

        Assert.Null(result.SwitchEpoch);
        Assert.Empty(result.LostShards);
        Assert.Equal((giver.Id, held[0].Epoch), ((await HolderAsync(giver, 1)).Node, (await HolderAsync(giver, 1)).Epoch));
        Assert.True(Commit(giver, null, held).IsWhole);
    }

    [Fact]
    public async Task A_late_commit_happens_when_nothing_prevents_it_and_reopening_says_so()
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, _, _) = NewService(node);
        var writes = Build(node, session => session.UpdateService(service with { Revision = 11 }), await ClaimAsync(node, 1));
        var arrive = SendLate(node.Store, writes);
        Assert.Equal(10, (await other.Store.FindServiceAsync(service.Sid, Stop))!.Revision);

        await arrive();

        Assert.Equal(11, (await other.Store.FindServiceAsync(service.Sid, Stop))!.Revision);
        var position = await node.Store.ReopenAsync();
        Assert.Equal((writes.Number, true), (position.LastCommit, position.LastResult is { IsWhole: true }));
    }

    [Theory]
    [InlineData("its writer reopened the store")]
    [InlineData("its node was evicted")]
    [InlineData("its node left")]
    [InlineData("its node joined again")]
    [InlineData("its shard moved")]
    public async Task A_late_commit_does_not_happen_after(string what)
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, _, _) = NewService(node);
        var held = await ClaimAsync(node, 1);
        var writes = Build(node, session => session.UpdateService(service with { Revision = 11 }), held);
        var arrive = SendLate(node.Store, writes);
        switch (what)
        {
            case "its writer reopened the store":
                Assert.Equal(writes.Number - 1, (await node.Store.ReopenAsync()).LastCommit);
                break;
            case "its node was evicted":
                await EvictAsync(other, node);
                break;
            case "its node left":
                Assert.True(await node.Store.LeaveAsync(node.Id, node.Data, Stop));
                break;
            case "its node joined again":
                await EvictAsync(other, node);
                Assert.Null(await OpenNode().JoinAsync(new NodeId("a", 2), Stop));
                break;
            default:
                StoreSession.Of(node.Store).Reopen();
                Switch(node, other, held);
                break;
        }
        var before = await DescribeAsync(other);

        await arrive();

        Assert.Equal(before, await DescribeAsync(other));
    }

    [Fact]
    public async Task An_uptime_and_its_time_never_go_back()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        Commit(a, session => session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromHours(10))));

        Commit(b, session => session.StoreUptime(new ServerUptime(Sample.Time.AddHours(1), TimeSpan.FromHours(5))));
        Assert.Equal(new ServerUptime(Sample.Time.AddHours(1), TimeSpan.FromHours(10)), await a.Store.FindUptimeAsync(Stop));

        Commit(b, session => session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromHours(11))));
        var stored = new ServerUptime(Sample.Time.AddHours(1), TimeSpan.FromHours(11));
        Assert.Equal(stored, await a.Store.FindUptimeAsync(Stop));
        Assert.Equal(stored, (await PollAsync(a)).Uptime);
    }

    [Fact]
    public async Task An_alive_mark_never_goes_back()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, ada, _) = NewService(a);
        Commit(a, session => session.MarkAlive(service.Id, ada.Id, TimeSpan.FromHours(2)));

        Commit(b, session => session.MarkAlive(service.Id, ada.Id, TimeSpan.FromHours(1)));

        var user = Assert.Single(await a.Store.ListOnlineUsersAsync(0, 10, Stop));
        Assert.Equal(TimeSpan.FromHours(2), user.LastAlive);
    }

    [Fact]
    public async Task All_nodes_share_a_timeline_that_does_not_change_when_a_node_joins()
    {
        var a = await JoinAsync("a");
        var (service, _, _) = NewService(a);
        var timeline = a.Store.TimelineOf(service);

        var b = await JoinAsync("b");

        Assert.Equal(timeline, b.Store.TimelineOf(service));
        Assert.Equal(timeline, a.Store.TimelineOf(service));
        Assert.Equal(10, await b.Store.FindTimelineEndAsync(service, timeline, Stop));
    }

    [Fact]
    public async Task Only_the_holder_of_the_home_shard_purges_a_service_instance()
    {
        var (home, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, ada, _) = NewService(home);
        Commit(home, session => session.DeleteUser(service.Id, ada, Sample.TombstoneOf(ada, 11)));
        Commit(home, session => session.DeleteService(service.Id));
        var shard = Shard.Of(service.Sid).Number;

        Assert.Equal(0, await other.Store.PurgeAsync(DateTimeOffset.MaxValue, 100));
        await ClaimAsync(home, shard);
        await ClaimAsync(other, (shard + 1) % Shard.Count);
        Assert.Equal(0, await other.Store.PurgeAsync(DateTimeOffset.MaxValue, 100));

        Assert.NotEqual(0, await home.Store.PurgeAsync(DateTimeOffset.MaxValue, 100));
        Assert.Equal(0, await home.Store.PurgeAsync(DateTimeOffset.MaxValue, 100));
    }
}
