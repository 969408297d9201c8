using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>What the writer of a node writes: commands of the shards that the node holds, under their epochs.</summary>
public sealed class ShardFenceTests : IAsyncLifetime
{
    private readonly InMemoryPresenceStore _data = new();
    private ClusterNode _node = null!;
    private CachedService _service = null!;

    private World World => _node.World;

    private Shard Ada => ClusterNode.ShardOf(_service.Sid, "ada");

    private Shard Bob => ClusterNode.ShardOf(_service.Sid, "bob");

    public async ValueTask InitializeAsync()
    {
        _node = await ClusterNode.JoinAsync(_data, "a");
        await _node.ClaimAsync();
        _service = await _node.NewServiceAsync();
        Assert.NotEqual(Ada, Bob);
    }

    public ValueTask DisposeAsync()
    {
        _node.Dispose();
        _data.Dispose();
        return ValueTask.CompletedTask;
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
        var bob = await World.Create(_service, "bob");
        var binding = await World.Bind(_service, "bob", "endpoint");
        var image = _data.Image.Services;
        var commits = LastCommit;
        _node.Close(what == "creation" ? Ada : Bob);
        var (key, edit) = (World.Key("bob"), new UserEdit("changed", null, null));
        var sid = new UserKey(bob.Sid);

        Task failed = what switch
        {
            "creation" => World.Create(_service, "ada"),
            "update" => World.Do(new UpdateUser(_service.Sid, key, identity: null, etag: "", edit)),
            "update by SID" => World.Do(new UpdateUser(_service.Sid, sid, identity: null, etag: "", edit)),
            "deletion" => World.Do(new DeleteUser(_service.Sid, key, etag: "")),
            "deletion by SID" => World.Do(new DeleteUser(_service.Sid, sid, etag: "")),
            "binding" => World.Bind(_service, "bob", "another"),
            "binding by SID" => World.Do(new SetPushBinding(_service.Sid, sid, BindingType.Fcm, "another")),
            "unbinding" => World.Do(new DeletePushBinding(_service.Sid, binding.Sid)),
            _ => World.Do(new DeletePushBinding(_service.Sid, binding.Sid, World.Id("bob"))),
        };

        var moved = await Assert.ThrowsAsync<ShardMovedException>(() => failed);
        Assert.Equal(what == "creation" ? Ada : Bob, moved.Shard);
        Assert.Same(image, _data.Image.Services);
        Assert.Equal(commits, LastCommit);
    }

    [Fact]
    public async Task What_concerns_a_service_instance_belongs_to_its_home_shard_and_API_keys_belong_to_none()
    {
        _node.Close(Shard.Of(_service.Sid));

        await Assert.ThrowsAsync<ShardMovedException>(() => World.Switch(_service.Sid, on: false));
        await Assert.ThrowsAsync<ShardMovedException>(() => World.Do(new UpdateServiceInstance(_service.Sid, "renamed")));
        await Assert.ThrowsAsync<ShardMovedException>(() => World.Do(new DeleteServiceInstance(_service.Sid)));
        await World.Create(_service, "ada");
        await World.Do(NewKey());
    }

    [Fact]
    public async Task A_command_by_the_SID_of_a_user_that_does_not_exist_is_rejected_as_on_a_single_node()
    {
        var missing = new UserKey(new UserSid(7));
        var error = await Assert.ThrowsAsync<PresenceException>(() => World.Do(new DeleteUser(_service.Sid, missing, etag: "")));
        Assert.Equal(ErrorReason.UserNotFound, error.Reason);
    }

    [Fact]
    public async Task A_heartbeat_of_a_shard_that_the_node_does_not_hold_fails_and_a_later_one_under_an_open_gate_is_stored()
    {
        var gate = _node.Gates[Ada];
        _node.Close(Ada);
        var failed = World.Beat(_service, "ada");
        World.Write();
        await Assert.ThrowsAsync<ShardMovedException>(() => failed.Stored);
        Assert.Null(await World.Get(_service, "ada"));
        Assert.Equal(0, World.Queue.Count);

        _node.Gates.Set(Ada, gate);
        await World.Online(_service, "ada");

        Assert.True((await World.Get(_service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task Neighbours_of_a_command_whose_shard_the_node_does_not_hold_are_written()
    {
        _node.Close(Ada);
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
        await World.Online(_service, "bob");
        var commits = LastCommit;
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var beat = World.Beat(_service, "ada", "s1");
        var offline = World.Tracker.EndSession(_service, Ref("bob"), World.Session("s1"));

        World.Write();

        Assert.Equal(Ada, (await Assert.ThrowsAsync<ShardMovedException>(() => ada)).Shard);
        await Assert.ThrowsAsync<ShardMovedException>(() => beat.Stored);
        await offline;
        Assert.False((await World.Get(_service, "bob"))!.IsOnline);
        Assert.Null(await World.Get(_service, "ada"));
        Assert.Equal(commits + 2, LastCommit);
        Assert.Equal(ShardGateState.Closed, _node.Gates[Ada].State);
        Assert.Equal(ShardGateState.Open, _node.Gates[Bob].State);
        Assert.False(World.Status.IsFailing);
    }

    [Fact]
    public async Task A_command_beside_one_of_a_lost_shard_is_not_answered_before_it_is_written()
    {
        await TakeAwayAsync(Ada);
        _node.Store.Faults.FailOperation(3); // a read, the commit; then the read of the second decision
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var key = World.Queue.SubmitAsync(NewKey());

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => ada);
        await Assert.ThrowsAsync<StorageException>(() => key);
        Assert.Empty(World.Keys.List());
        Assert.Empty(await _node.Store.ListApiKeysAsync(default));
    }

    [Fact]
    public async Task A_lost_shard_is_found_also_when_the_commit_reported_failure()
    {
        await TakeAwayAsync(Ada);
        _node.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var bob = World.Queue.SubmitAsync(NewUser("bob"));

        World.Write();

        await Assert.ThrowsAsync<ShardMovedException>(() => ada);
        await bob;
        Assert.NotNull(await World.Get(_service, "bob"));
    }

    [Fact]
    public async Task A_lost_shard_of_a_commit_in_doubt_is_published_and_completed_by_nothing()
    {
        await TakeAwayAsync(Ada);
        _node.Store.Faults.FailCommit(CommitFault.AfterEffect);
        _node.Store.Faults.FailOperation(3); // a read, the commit; then the reopening
        await using var client = await World.Watch(_service, now: true);
        await client.Sync();
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        World.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => ada);

        await World.Create(_service, "bob");

        Assert.Equal("bob", (await client.NextUpdate()).State.Identity.ToString());
        Assert.Equal(ShardGateState.Closed, _node.Gates[Ada].State);
    }

    [Fact]
    public async Task A_gate_that_has_opened_under_a_later_epoch_stays_open()
    {
        _node.Gates.Lose(Ada, _node.Gates[Ada].Epoch - 1, _node.Gates.Data);
        Assert.True(_node.Gates.IsOpen(Ada));
        await World.Create(_service, "ada");
        _node.Gates.Lose(Ada, _node.Gates[Ada].Epoch, _node.Gates.Data);
        Assert.False(_node.Gates.IsOpen(Ada));
    }

    [Fact]
    public async Task A_command_whose_outcome_is_unknown_is_not_tried_again()
    {
        using var other = await ClusterNode.JoinAsync(_data, "b");
        _node.Store.Faults.FailCommit(CommitFault.Late);
        _node.Store.Faults.FailOperation(3); // a read, the commit; then the reopening
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => ada);
        Assert.Null(await World.Get(_service, "ada"));

        Assert.True(_data.LandLateCommit(0));
        var revision = await World.Revision(_service);
        await World.Create(_service, "bob");

        Assert.NotNull(await other.World.Get(_service, "ada"));
        Assert.Equal(revision + 1, await World.Revision(_service));
    }

    [Fact]
    public async Task A_late_commit_that_lands_after_the_store_was_reopened_does_not_happen()
    {
        _node.Store.Faults.FailCommit(CommitFault.Late);
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => ada);

        Assert.False(_data.LandLateCommit(0));

        Assert.Null(await World.Get(_service, "ada"));
        await World.Create(_service, "ada");
    }

    private long LastCommit => _data.Image.Cluster.Nodes["a"].Position.LastCommit;

    private CreateUser NewUser(string identity) => new(_service.Sid, World.Id(identity), "", "{}", default);

    private CreateApiKey NewKey() =>
        new(RandomSids.NewApiKeySid(), new ApiKeySecret("salt", "hash"), "", ApiKeyRole.Admin, _service.Sid, certificateName: "");

    private static UserRef Ref(string identity) => new(World.Id(identity), Sid: null, MayCreate: false);

    /// <summary>Gives the shard to another node, and leaves the gate of the node open, as if it had not noticed.</summary>
    private async Task TakeAwayAsync(Shard shard)
    {
        using var other = await ClusterNode.JoinAsync(_data, "other");
        _data.CommitFromOutside(image => image with { Cluster = image.Cluster.Give([(shard, other.Id)]) });
    }
}
