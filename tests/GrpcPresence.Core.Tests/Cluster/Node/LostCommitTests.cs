using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>
/// A standby without the last commits is promoted. Shards have the holder again that they had before, and the holder of the lost commits
/// does not know it yet.
/// </summary>
public sealed class LostCommitTests : RunningNodesTestBase
{
    private const int HandOvers = 5; // seconds in which half of the shards move

    private static readonly Shard[] Shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Advance(seconds: 3);
        Assert.All(Shards, shard => Assert.Equal([First.Id], Nodes.HoldersOf(shard)));
        Nodes.AfterStep = () => Assert.All(Shards, shard => Assert.InRange(Nodes.HoldersOf(shard).Count, 0, 1));
    }

    [Fact]
    public void OneHolder_a_shard_that_comes_back_opens_when_its_holder_of_lost_commits_can_answer_no_more()
    {
        var before = Nodes.Store.Image;
        var b = JoinAndTakeShards();
        var moved = ShardsOf(b);
        b.Store.CutOff(true);

        Nodes.Store.Promote(before);
        Advance(seconds: 1);

        Assert.Empty(ShardsOf(First).Intersect(moved)); // b is in the view, and has not said that it knows
        Advance(seconds: 8);
        Assert.Equal(Shards, ShardsOf(First));
    }

    [Fact]
    public void OneHolder_a_shard_that_comes_back_opens_soon_when_its_holder_of_lost_commits_knows_it()
    {
        var b = JoinAndTakeShards(out var before);
        var moved = ShardsOf(b);

        Nodes.Store.Promote(before);
        Advance(seconds: 2.5);

        Assert.Equal(Shards, ShardsOf(First).Concat(ShardsOf(b)).OrderBy(shard => shard.Number));
        Advance(seconds: HandOvers);
        Assert.Equal(moved, ShardsOf(b)); // handed over once more
    }

    [Fact]
    public void A_shard_that_the_data_leaves_with_its_holder_stays_open()
    {
        var b = JoinAndTakeShards();
        var kept = ShardsOf(First);
        Nodes.AfterStep = () => Assert.Equal(kept, ShardsOf(First));

        Nodes.Store.Promote(Nodes.Store.Image);
        Advance(seconds: 3);

        Assert.Equal(Shards.Except(kept), ShardsOf(b));
    }

    [Fact]
    public void OneHolder_a_node_that_was_unconfirmed_opens_nothing_that_another_may_have_taken_in_lost_commits()
    {
        var b = JoinAndTakeShards();
        var c = Nodes.Start("c");
        Advance(seconds: HandOvers);
        var before = Nodes.Store.Image;
        var held = ShardsOf(First);
        Isolate(First, true);
        Nodes.Membership.Pause(First.Id); // it does not see that the others hold it for dead
        Nodes.Membership.Remove(First.Id);
        while (!ShardsOf(b).Intersect(held).Any())
            Advance(seconds: 0.1);

        // The others confirm each other, and do not know that the eviction is lost.
        foreach (var other in new[] { b, c })
            other.Store.CutOff(true);
        Nodes.Store.Promote(before);
        Isolate(First, false);
        Advance(seconds: 2);
        Assert.NotEmpty(ShardsOf(b).Intersect(held));

        foreach (var other in new[] { b, c })
            other.Store.CutOff(false);
        Nodes.Membership.Resume(First.Id);
        Advance(seconds: 10);
        Assert.All(Shards, shard => Assert.Single(Nodes.HoldersOf(shard)));
    }

    [Fact]
    public void A_node_that_starts_takes_shards_over_when_the_others_know_the_same_data()
    {
        var b = JoinAndTakeShards();
        var held = ShardsOf(b);
        Nodes.Membership.Remove(b.Id); // it sees this, and stops

        Advance(seconds: 5);

        Assert.Equal(Shards, ShardsOf(First));
        var again = Nodes.Start("b");
        Advance(seconds: HandOvers);
        Assert.Equal(held, ShardsOf(again));
    }

    [Fact]
    public async Task Durable_a_lost_commit_that_showed_a_user_online_is_repeated_with_steady_heartbeats_only()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var before = Nodes.Store.Image;
        await BeatAsync(service);
        Assert.True(IsOnline());

        Nodes.Store.Promote(before);
        Assert.False(IsOnline()); // there is no such user any more
        for (var beat = 0; beat < 3; beat++)
            await BeatAsync(service);

        Assert.True(IsOnline());

        bool IsOnline() => Nodes.Store.Image.Get(Nodes.Service) is var stored
            && stored.FindUser(World.Key("ada")) is { } ada && stored.StateOf(ada).IsOnline == true;
    }

    [Fact]
    public async Task OneTimeline_no_cached_configuration_outlives_the_commit_that_is_lost()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var before = Nodes.Store.Image;
        _ = First.Node.Router.CallAsync(Shard.Of(Nodes.Service), RequestKind.Write, "0\nswitch\noff"u8.ToArray(), _ => { });
        Advance(seconds: 1);
        Assert.False(service.Configuration.ReachabilityEnabled);

        Nodes.Store.Promote(before);
        Advance(seconds: 1);

        Assert.True((await First.Services.GetAsync(Nodes.Service, default)).Configuration.ReachabilityEnabled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Live_a_user_is_online_again_after_reachability_was_switched_off_around_lost_commits(bool isSwitchLost)
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        await BeatAsync(service);
        var before = Nodes.Store.Image;
        await SwitchAsync("off");
        await BeatAsync(service);

        Nodes.Store.Promote(isSwitchLost ? before : Nodes.Store.Image);
        await Assert.ThrowsAsync<PresenceException>(() => SwitchAsync("on")); // the node does not know it yet
        for (var beat = 0; beat < 3; beat++)
            await BeatAsync(await First.Services.GetAsync(Nodes.Service, default));
        await SwitchAsync("on");
        for (var beat = 0; beat < 3; beat++)
            await BeatAsync(await First.Services.GetAsync(Nodes.Service, default));

        var stored = Nodes.Store.Image.Get(Nodes.Service);
        Assert.True(stored.StateOf(stored.FindUser(World.Key("ada"))!).IsOnline);
    }

    [Fact]
    public async Task Durable_no_shard_moves_before_its_stored_presence_was_compared()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var before = Nodes.Store.Image;
        await BeatAsync(service);
        First.Store.ClusterFaults.Hold(ClusterCall.List);
        Nodes.Store.Promote(before);
        Advance(seconds: 1);

        var b = Nodes.Start("b");
        Advance(seconds: 3);
        Assert.Empty(ShardsOf(b));

        First.Store.ClusterFaults.Clear();
        Advance(seconds: HandOvers);
        Assert.NotEmpty(ShardsOf(b));
        for (var beat = 0; beat < 3; beat++)
            await BeatAsync(await First.Services.GetAsync(Nodes.Service, default));

        var stored = Nodes.Store.Image.Get(Nodes.Service);
        Assert.True(stored.StateOf(stored.FindUser(World.Key("ada"))!).IsOnline);
    }

    [Fact]
    public async Task Durable_the_stored_presence_is_compared_also_when_the_first_comparison_fails()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        await CallAsync("create\nada");
        var before = Nodes.Store.Image;
        await BeatAsync(service);

        Nodes.Store.Promote(before);
        First.Store.ClusterFaults.FailNext(ClusterCall.List, CommitFault.BeforeEffect);
        Advance(seconds: 2);

        Assert.True(Nodes.IsOnline("ada"));
    }

    [Fact]
    public async Task Durable_commits_that_are_lost_during_a_comparison_are_compared_again()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        await CallAsync("create\nada");
        var before = Nodes.Store.Image;
        await BeatAsync(service);
        First.Store.ClusterFaults.Hold(ClusterCall.List);
        Nodes.Store.Promote(Nodes.Store.Image);
        Advance(seconds: 1);
        for (var passed = Shard.Of(Nodes.Service, World.Id("ada")).Number; passed >= 0; passed--)
            First.Store.ClusterFaults.Release(0);
        Assert.Equal(1, First.Store.ClusterFaults.Held); // the shards up to that of the user are compared

        Nodes.Store.Promote(before);
        Advance(seconds: 1);
        Assert.NotEqual(true, Nodes.IsOnline("ada"));
        First.Store.ClusterFaults.Clear();
        Advance(seconds: 1);

        Assert.True(Nodes.IsOnline("ada"));
    }

    [Fact]
    public void Durable_no_shard_moves_between_a_comparison_that_fails_and_the_next()
    {
        First.Store.ClusterFaults.Fail(ClusterCall.List);
        Nodes.Store.Promote(Nodes.Store.Image);

        var b = Nodes.Start("b");
        Advance(seconds: 5);
        Assert.DoesNotContain(Nodes.Store.Image.Cluster.Shards.Values, held => held.Node == b.Id);

        First.Store.ClusterFaults.Clear();
        Advance(seconds: HandOvers);
        Assert.NotEmpty(ShardsOf(b));
    }

    [Fact]
    public async Task OneTimeline_a_configuration_with_the_numbers_of_a_lost_one_replaces_it()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var before = Nodes.Store.Image;
        await SwitchAsync("off");
        Advance(seconds: 1); // a poll has shown it
        Assert.False(service.Configuration.ReachabilityEnabled);
        var lost = Nodes.Store.Image.Get(Nodes.Service);

        Nodes.Store.Promote(before);
        Nodes.Store.CommitFromOutside(image => image.With(image.Get(Nodes.Service) with
        {
            Record = lost.Record with { Configuration = lost.Record.Configuration with { ReachabilityEnabled = true } },
            Version = lost.Version,
        }));
        Advance(seconds: 2);

        Assert.True(service.Configuration.ReachabilityEnabled); // no call has asked for it
    }

    [Fact]
    public void OneHolder_a_late_hint_of_lost_data_names_no_holder()
    {
        var before = Nodes.Store.Image.Cluster.Identity;
        Nodes.Store.Promote(Nodes.Store.Image);
        Advance(seconds: 1);

        var other = new NodeId("b", 1);
        First.Node.Receive(other, new HolderHint(before, [new ShardHolder(Shards[0], other, Epoch: 1000)]));
        Advance(seconds: 0.2);

        Assert.Equal(First.Id, First.Node.Table[Shards[0]].Node);
    }

    [Fact]
    public void OneHolder_a_claim_of_lost_data_counts_for_nothing_when_its_answer_is_late()
    {
        var b = JoinAndTakeShards();
        First.Store.ClusterFaults.Hold(ClusterCall.Claim);
        Nodes.Kill(b);
        while (First.Store.ClusterFaults.Held == 0)
            Advance(seconds: 0.05);
        var before = Nodes.Store.Image;
        First.Store.ClusterFaults.Hold(ClusterCall.Claim | ClusterCall.Poll);
        Advance(seconds: 0.6);
        Assert.Equal(2, First.Store.ClusterFaults.Held);

        First.Store.ClusterFaults.Release(0); // the claim
        Assert.NotEqual(before.Cluster.Epoch, Nodes.Store.Image.Cluster.Epoch);
        Nodes.Store.Promote(before);
        First.Store.ClusterFaults.Release(0); // the poll
        Advance(seconds: 0.05);

        Assert.Equal(Nodes.Store.Image.Cluster.Identity, First.Node.Data);
        Assert.All(
            Shards.Where(shard => Nodes.Store.Image.Cluster.Shards[shard.Number].Node is null),
            shard => Assert.Null(First.Node.Table[shard].Node));
    }

    [Fact]
    public async Task Durable_the_stored_presence_is_compared_also_while_the_keys_are_being_read()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        await CallAsync("create\nada");
        var before = Nodes.Store.Image;
        await BeatAsync(service);
        First.Store.Faults.StallAllReads(after: 0);
        Nodes.Store.CommitFromOutside(WithChange);
        Advance(seconds: 1);
        Assert.True(First.Store.Faults.AreReadsHanging);
        First.Store.Faults.StallAllReads(after: -1);

        Nodes.Store.Promote(before);
        Advance(seconds: 1);

        Assert.True(First.Store.Faults.AreReadsHanging);
        Assert.True(Nodes.IsOnline("ada"));
        First.Store.Faults.Clear();
    }

    [Fact]
    public void Keys_that_are_revoked_while_the_stored_presence_is_compared_are_revoked_here()
    {
        var key = new ApiKey
        {
            Id = 1,
            Sid = new ApiKeySid(1),
            Secret = new ApiKeySecret("salt", "hash"),
            FriendlyName = "",
            Role = ApiKeyRole.Admin,
            CertificateName = "one.example",
            CreateTime = default,
        };
        Nodes.Store.CommitFromOutside(image => WithChange(image) with { ApiKeys = image.ApiKeys.SetItem(key.Id, key) });
        Advance(seconds: 1);
        Assert.False(First.Keys.Find(key.Sid)!.Current.IsRevoked);
        First.Store.ClusterFaults.Hold(ClusterCall.List);
        Nodes.Store.Promote(Nodes.Store.Image);
        Advance(seconds: 1);
        Assert.Equal(1, First.Store.ClusterFaults.Held); // the comparison

        Nodes.Store.CommitFromOutside(image => WithChange(image) with
        {
            ApiKeys = image.ApiKeys.SetItem(key.Id, key with { RevokeTime = DateTimeOffset.UnixEpoch }),
        });
        Advance(seconds: 1);

        Assert.True(First.Keys.Find(key.Sid)!.Current.IsRevoked);
    }

    [Fact]
    public void Live_a_node_learns_the_data_and_goes_on_although_a_poll_of_the_server_of_before_gets_no_answer()
    {
        var late = new TaskCompletionSource();
        First.Store.ClusterFaults.ChangeDuringPoll(() => late.Task); // it has read the data of before
        Advance(seconds: 0.6);

        Nodes.Store.Promote(Nodes.Store.Image);
        var data = Nodes.Store.Image.Cluster.Identity;
        Advance(seconds: 0.5); // within this time a renewal shows other data

        Assert.Equal(data, First.Node.Data);
        Advance(seconds: 3);
        late.SetResult();
        Nodes.AfterStep += () => Assert.Equal(data, First.Node.Data);
        Advance(seconds: 3);
        Assert.Null(First.Node.End);
        Assert.Equal(Shards, ShardsOf(First));
    }

    [Fact]
    public void Live_a_node_learns_the_data_although_each_poll_takes_longer_than_the_next_refused_renewal()
    {
        var faults = First.Store.ClusterFaults;
        faults.Hold(ClusterCall.Poll);
        Nodes.Store.Promote(Nodes.Store.Image);
        var (polls, age) = (faults.CountOf(ClusterCall.Poll), TimeSpan.Zero);
        for (var time = TimeSpan.Zero; time < TimeSpan.FromSeconds(5); time += Limits.NodeStep)
        {
            Nodes.Advance(Limits.NodeStep);
            age = faults.CountOf(ClusterCall.Poll) == polls ? age + Limits.NodeStep : TimeSpan.Zero;
            polls = faults.CountOf(ClusterCall.Poll);
            if (age >= TimeSpan.FromSeconds(0.6))
                faults.Release(0);
        }

        Assert.Null(First.Node.End);
        Assert.Equal(Nodes.Store.Image.Cluster.Identity, First.Node.Data);
    }

    [Fact]
    public async Task Durable_a_node_that_leaves_alone_repeats_what_the_lost_commits_held_before_it_has_left()
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        await CallAsync("create\nada");
        var before = Nodes.Store.Image;
        await BeatAsync(service);
        First.Store.ClusterFaults.Hold(ClusterCall.Leave);
        First.Node.Leave();
        Advance(seconds: 1);
        Assert.Equal(1, First.Store.ClusterFaults.Held); // everything was written

        Nodes.Store.Promote(before);
        First.Store.ClusterFaults.Hold(ClusterCall.List); // which compares the stored presence
        First.Store.ClusterFaults.Release(0);
        Advance(seconds: 1);
        Assert.Null(First.Node.End);
        First.Store.ClusterFaults.Clear();
        Advance(seconds: 1);

        Assert.Equal(NodeEndReason.Left, First.Node.End?.Reason);
        Assert.True(Nodes.IsOnline("ada"));
    }

    [Fact]
    public async Task Final_the_end_of_a_session_is_stored_again_also_when_the_store_fails_meanwhile()
    {
        await EndSessionsAsync("ada");
        First.IsWriterHeld = true;
        Nodes.Store.Promote(WithoutEnds(Nodes.Store.Image));
        Advance(seconds: 1);

        First.IsWriterHeld = false;
        FailWritesOfService(batches: 3);
        Advance(seconds: 1);

        Assert.Single(Nodes.Store.Image.Get(Nodes.Service).EndedSessions);
    }

    [Fact]
    public async Task Durable_a_node_that_leaves_alone_stores_the_ends_of_sessions_again_before_it_has_left()
    {
        await EndSessionsAsync("ada");
        First.IsWriterHeld = true;
        Nodes.Store.Promote(WithoutEnds(Nodes.Store.Image));
        First.Node.Leave();
        Advance(seconds: 1);
        Assert.Null(First.Node.End);

        First.IsWriterHeld = false;
        FailWritesOfService(batches: 3);
        Advance(seconds: 2);

        Assert.Equal(NodeEndReason.Left, First.Node.End?.Reason);
        Assert.Single(Nodes.Store.Image.Get(Nodes.Service).EndedSessions);
    }

    [Fact]
    public async Task Live_no_shard_stays_sealed_while_the_ends_of_sessions_cannot_be_stored_again()
    {
        var users = Enumerable.Range(0, 20).Select(number => $"user{number}").ToArray();
        var service = await EndSessionsAsync(users);
        var sealedFor = Shards.ToDictionary(shard => shard, _ => TimeSpan.Zero);
        var longest = TimeSpan.Zero;
        Nodes.AfterStep += () =>
        {
            foreach (var shard in Shards)
            {
                sealedFor[shard] = First.Gates[shard].State == ShardGateState.Sealed ? sealedFor[shard] + Limits.NodeStep : TimeSpan.Zero;
                longest = sealedFor[shard] > longest ? sealedFor[shard] : longest;
            }
        };
        Nodes.Store.Promote(WithoutEnds(Nodes.Store.Image));
        FailWritesOfService(batches: int.MaxValue / Limits.DecisionAttempts);
        var b = Nodes.Start("b");
        Advance(seconds: 10);
        Assert.InRange(longest, Limits.NodeStep, Limits.OwnerWait + Limits.NodeStep); // it has tried, and given up
        Assert.Empty(Nodes.Store.Image.Get(Nodes.Service).EndedSessions);

        First.Store.Faults.Clear();
        Advance(seconds: HandOvers);

        Assert.Equal(users.Length, Nodes.Store.Image.Get(Nodes.Service).EndedSessions.Count);
        var moved = users.Where(user => b.Answers(Shard.Of(Nodes.Service, World.Id(user)))).ToArray();
        Assert.NotEmpty(moved);
        Assert.All(moved, user => Assert.Equal(ErrorReason.SessionEnded, Beat(b, service, user).Rejection));
    }

    /// <summary>
    /// Fails each of the next batches of the first node that writes to the service instance, as other writers do that are faster. Commands
    /// of no service instance succeed, such as the barriers and switches of hand-overs.
    /// </summary>
    private void FailWritesOfService(int batches) =>
        First.Store.Faults.MakeNextCommitStale(Nodes.Service, commits: batches * Limits.DecisionAttempts);

    /// <summary>Begins and ends a session of each user at the first node.</summary>
    private async Task<CachedService> EndSessionsAsync(params string[] users)
    {
        var service = await First.Services.GetAsync(Nodes.Service, default);
        foreach (var user in users)
            Assert.Null(Beat(First, service, user).Rejection);
        Advance(seconds: 1);
        foreach (var user in users)
        {
            _ = First.Node.Router.EndSession(
                service, new UserRef(World.Id(user), Sid: null, MayCreate: false), World.Session("s"), exists: true);
        }
        Advance(seconds: 1);
        Assert.Equal(users.Length, Nodes.Store.Image.Get(Nodes.Service).EndedSessions.Count);
        return service;
    }

    private StoreImage WithoutEnds(StoreImage image)
    {
        var service = image.Get(Nodes.Service);
        return image.With(service with { EndedSessions = service.EndedSessions.Clear() });
    }

    private static StoreImage WithChange(StoreImage image) => image with
    {
        Cluster = image.Cluster with { ChangesVersion = image.Cluster.ChangesVersion + 1 },
    };

    private Task<ReadOnlyMemory<byte>> SwitchAsync(string to) => CallAsync($"switch\n{to}");

    private Task<ReadOnlyMemory<byte>> CallAsync(string request)
    {
        var call = First.Node.Router.CallAsync(
            Shard.Of(Nodes.Service), RequestKind.Write, System.Text.Encoding.UTF8.GetBytes($"0\n{request}"), _ => { });
        Advance(seconds: 1);
        return call;
    }

    private async Task BeatAsync(CachedService service)
    {
        var beat = Beat(First, service, "ada");
        Assert.Null(beat.Rejection);
        Advance(seconds: 1);
        await beat.Stored;
    }

    private static HeartbeatResult Beat(SimulatedNode node, CachedService service, string user) =>
        node.Node.Router.Beat(service, new UserRef(World.Id(user), Sid: null, MayCreate: true), World.Session("s"), stream: null);

    private SimulatedNode JoinAndTakeShards() => JoinAndTakeShards(out _);

    /// <summary>Starts a second node, and returns it when it has its shards. Keeps the data from when it had joined and had none.</summary>
    private SimulatedNode JoinAndTakeShards(out StoreImage keepBefore)
    {
        var b = Nodes.Start("b");
        while (Nodes.Store.Image.Cluster.Members.Length < 2)
            Advance(seconds: 0.05);
        keepBefore = Nodes.Store.Image;
        Assert.All(keepBefore.Cluster.Shards.Values, held => Assert.Equal(First.Id, held.Node));
        Advance(seconds: HandOvers);
        Assert.Equal(Shards.Length, ShardsOf(First).Count + ShardsOf(b).Count);
        Assert.NotEmpty(ShardsOf(b));
        return b;
    }

    private void Isolate(SimulatedNode node, bool isIsolated)
    {
        node.Store.CutOff(isIsolated);
        foreach (var other in new[] { "b", "c" })
        {
            if (isIsolated)
                Nodes.Network.CutPair(node.Id.Name, other);
        }
        if (!isIsolated)
            Nodes.Network.HealAll();
    }

    private static IReadOnlyList<Shard> ShardsOf(SimulatedNode node) => [.. Shards.Where(node.Answers)];
}
