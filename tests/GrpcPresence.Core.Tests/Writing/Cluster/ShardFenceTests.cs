using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>What the writer of a node writes: commands of the shards that the node holds, under their epochs.</summary>
public sealed class ShardFenceTests : NodeWriterTestBase
{
    private Shard Bob => ClusterNode.ShardOf(Service.Sid, "bob");

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Assert.NotEqual(Ada, Bob);
    }

    public static TheoryData<string> UserCommands =>
    [
        "creation", "update", "update by SID", "deletion", "deletion by SID", "binding", "binding by SID", "unbinding",
        "unbinding of an owner",
    ];

    [Theory]
    [MemberData(nameof(UserCommands))]
    public async Task A_command_about_a_user_of_a_shard_that_the_node_does_not_hold_is_not_decided(string what)
    {
        var bob = await World.Create(Service, "bob");
        var binding = await World.Bind(Service, "bob", "endpoint");
        var image = Data.Image.Services;
        var commits = LastCommit;
        Node.Close(what == "creation" ? Ada : Bob);
        var (key, edit) = (World.Key("bob"), new UserEdit("changed", null, null));
        var sid = new UserKey(bob.Sid);

        Task failed = what switch
        {
            "creation" => World.Create(Service, "ada"),
            "update" => World.Do(new UpdateUser(Service.Sid, key, identity: null, etag: "", edit)),
            "update by SID" => World.Do(new UpdateUser(Service.Sid, sid, identity: null, etag: "", edit)),
            "deletion" => World.Do(new DeleteUser(Service.Sid, key, etag: "")),
            "deletion by SID" => World.Do(new DeleteUser(Service.Sid, sid, etag: "")),
            "binding" => World.Bind(Service, "bob", "another"),
            "binding by SID" => World.Do(new SetPushBinding(Service.Sid, sid, BindingType.Fcm, "another")),
            "unbinding" => World.Do(new DeletePushBinding(Service.Sid, binding.Sid)),
            _ => World.Do(new DeletePushBinding(Service.Sid, binding.Sid, World.Id("bob"))),
        };

        var moved = await Assert.ThrowsAsync<ShardMovedException>(() => failed);
        Assert.Equal(what == "creation" ? Ada : Bob, moved.Shard);
        Assert.Same(image, Data.Image.Services);
        Assert.Equal(commits, LastCommit);
    }

    [Fact]
    public async Task What_concerns_a_service_instance_belongs_to_its_home_shard_and_API_keys_belong_to_none()
    {
        Node.Close(Shard.Of(Service.Sid));

        await Assert.ThrowsAsync<ShardMovedException>(() => World.Switch(Service.Sid, on: false));
        await Assert.ThrowsAsync<ShardMovedException>(() => World.Do(new UpdateServiceInstance(Service.Sid, "renamed")));
        await Assert.ThrowsAsync<ShardMovedException>(() => World.Do(new DeleteServiceInstance(Service.Sid)));
        await World.Create(Service, "ada");
        await World.Do(NewKey());
    }

    [Fact]
    public async Task A_command_by_the_SID_of_a_user_that_does_not_exist_is_rejected_as_on_a_single_node()
    {
        var missing = new UserKey(new UserSid(7));
        var error = await Assert.ThrowsAsync<PresenceException>(() => World.Do(new DeleteUser(Service.Sid, missing, etag: "")));
        Assert.Equal(ErrorReason.UserNotFound, error.Reason);
    }

    [Fact]
    public async Task A_heartbeat_of_a_shard_that_the_node_does_not_hold_fails_and_a_later_one_under_an_open_gate_is_stored()
    {
        var gate = Node.Gates[Ada];
        Node.Close(Ada);
        var failed = World.Beat(Service, "ada");
        World.Write();
        await Assert.ThrowsAsync<ShardMovedException>(() => failed.Stored);
        Assert.Null(await World.Get(Service, "ada"));
        Assert.Equal(0, World.Queue.Count);

        Node.Gates.Set(Ada, gate);
        await World.Online(Service, "ada");

        Assert.True((await World.Get(Service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task Neighbours_of_a_command_whose_shard_the_node_does_not_hold_are_written()
    {
        Node.Close(Ada);
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var bob = World.Queue.SubmitAsync(NewUser("bob"));
        var commits = LastCommit;

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => ada);
        await bob;
        Assert.Equal(commits + 1, LastCommit);
    }

    [Fact]
    public async Task A_shard_that_another_node_took_fails_its_commands_and_the_others_are_decided_again()
    {
        await TakeAwayAsync(Ada);
        await World.Online(Service, "bob");
        var commits = LastCommit;
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var beat = World.Beat(Service, "ada", "s1");
        var offline = World.Tracker.EndSession(Service, Ref("bob"), World.Session("s1"));

        World.Write();

        Assert.Equal(Ada, (await Assert.ThrowsAsync<ShardMovedException>(() => ada)).Shard);
        await Assert.ThrowsAsync<ShardMovedException>(() => beat.Stored);
        await offline;
        Assert.False((await World.Get(Service, "bob"))!.IsOnline);
        Assert.Null(await World.Get(Service, "ada"));
        Assert.Equal(commits + 2, LastCommit);
        Assert.Equal(ShardGateState.Closed, Node.Gates[Ada].State);
        Assert.Equal(ShardGateState.Open, Node.Gates[Bob].State);
        Assert.False(World.Status.IsFailing);
    }

    [Fact]
    public async Task A_command_beside_one_of_a_lost_shard_is_not_answered_before_it_is_written()
    {
        await TakeAwayAsync(Ada);
        Node.Store.Faults.FailOperation(3); // a read, the commit; then the read of the second decision
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var key = World.Queue.SubmitAsync(NewKey());

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => ada);
        await Assert.ThrowsAsync<StorageException>(() => key);
        Assert.Empty(World.Keys.List());
        Assert.Empty(await Node.Store.ListApiKeysAsync(default));
    }

    [Fact]
    public async Task A_lost_shard_is_found_also_when_the_commit_reported_failure()
    {
        await TakeAwayAsync(Ada);
        Node.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var bob = World.Queue.SubmitAsync(NewUser("bob"));

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => ada);
        await bob;
        Assert.NotNull(await World.Get(Service, "bob"));
    }

    [Fact]
    public async Task A_lost_shard_of_a_commit_in_doubt_is_published_and_completed_by_nothing()
    {
        await TakeAwayAsync(Ada);
        Node.Store.Faults.FailCommit(CommitFault.AfterEffect);
        Node.Store.Faults.FailOperation(3); // a read, the commit; then the reopening
        await using var client = await World.Watch(Service, now: true);
        await client.Sync();
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        World.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => ada);

        await World.Create(Service, "bob");

        Assert.Equal("bob", (await client.NextUpdate()).State.Identity.ToString());
        Assert.Equal(ShardGateState.Closed, Node.Gates[Ada].State);
    }

    [Fact]
    public async Task A_gate_that_has_opened_under_a_later_epoch_stays_open()
    {
        Node.Gates.Lose(Ada, Node.Gates[Ada].Epoch - 1, Node.Gates.Data);
        Assert.True(Node.Gates.IsOpen(Ada));
        await World.Create(Service, "ada");
        Node.Gates.Lose(Ada, Node.Gates[Ada].Epoch, Node.Gates.Data);
        Assert.False(Node.Gates.IsOpen(Ada));
    }

    [Fact]
    public async Task A_command_whose_outcome_is_unknown_is_not_tried_again()
    {
        using var other = await ClusterNode.JoinAsync(Data, "b");
        Node.Store.Faults.FailCommit(CommitFault.Late);
        Node.Store.Faults.FailOperation(3); // a read, the commit; then the reopening
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => ada);
        Assert.Null(await World.Get(Service, "ada"));

        Assert.True(Data.LandLateCommit(0));
        var revision = await World.Revision(Service);
        await World.Create(Service, "bob");

        Assert.NotNull(await other.World.Get(Service, "ada"));
        Assert.Equal(revision + 1, await World.Revision(Service));
    }

    [Fact]
    public async Task A_late_commit_that_lands_after_the_store_was_reopened_does_not_happen()
    {
        Node.Store.Faults.FailCommit(CommitFault.Late);
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => ada);

        Assert.False(Data.LandLateCommit(0));

        Assert.Null(await World.Get(Service, "ada"));
        await World.Create(Service, "ada");
    }

    private static UserRef Ref(string identity) => new(World.Id(identity), Sid: null, MayCreate: false);

    /// <summary>Gives the shard to another node, and leaves the gate of the node open, as if it had not noticed.</summary>
    private async Task TakeAwayAsync(Shard shard)
    {
        using var other = await ClusterNode.JoinAsync(Data, "other");
        Data.CommitFromOutside(image => image with { Cluster = image.Cluster.Give([(shard, other.Id)]) });
    }
}
