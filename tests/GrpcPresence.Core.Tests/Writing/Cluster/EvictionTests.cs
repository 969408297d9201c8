using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>How the writer of a node ends when the node was evicted, and what it does when the data went back.</summary>
public sealed class EvictionTests : NodeWriterTestBase
{
    [Fact]
    public async Task An_evicted_node_writes_nothing_any_more_and_says_so_once()
    {
        await World.Online(Service, "ada");
        var image = await EvictAsync();
        var evictions = new List<NodeEvictedException>();
        World.Status.Evicted += evictions.Add;
        var created = World.Queue.SubmitAsync(NewUser("bob"));
        var behind = World.Queue.SubmitAsync(NewUser("cay"));
        var beat = World.Beat(Service, "dan");

        Assert.Equal(WriteOutcome.Evicted, World.Writer.WriteOnce());

        await Assert.ThrowsAsync<NodeEvictedException>(() => created);
        await Assert.ThrowsAsync<NodeEvictedException>(() => behind);
        await Assert.ThrowsAsync<NodeEvictedException>(() => beat.Stored);
        Assert.Same(Assert.Single(evictions), World.Status.Eviction);
        Assert.True(World.Status.IsFailing);
        Assert.Equal(0, World.Queue.Count);
        Assert.Equal(WriteOutcome.Evicted, World.Writer.WriteOnce());
        var late = await Assert.ThrowsAsync<PresenceException>(() => World.Queue.SubmitAsync(NewUser("eve")));
        Assert.Equal(ErrorReason.ServerStopping, late.Reason);
        World.Writer.Run(TestContext.Current.CancellationToken);
        Assert.Single(evictions);
        Assert.Same(image.Services, Data.Image.Services);
    }

    [Fact]
    public async Task A_node_that_is_evicted_while_nothing_waits_notices_it_with_its_next_commit()
    {
        World.Tracker.Resume(default);
        World.Tracker.Start();
        World.Write();
        World.Writer.WriteOnce();
        await EvictAsync();
        Assert.Null(World.Status.Eviction);
        World.Time.Advance(Limits.UptimeInterval);

        Assert.Equal(WriteOutcome.Evicted, World.Writer.WriteOnce());
    }

    [Fact]
    public async Task A_node_that_is_evicted_while_a_commit_is_in_doubt_fails_its_commands_and_ends()
    {
        Node.Store.Faults.FailCommit(CommitFault.Late);
        Node.Store.Faults.FailOperation(3); // a read, the commit; then the reopening
        var ada = World.Queue.SubmitAsync(NewUser("ada"));
        var beat = World.Beat(Service, "bob");
        Assert.Equal(WriteOutcome.Failed, World.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => ada);
        await EvictAsync();

        Assert.False(Data.LandLateCommit(0));
        Assert.Equal(WriteOutcome.Evicted, World.Writer.WriteOnce());

        await Assert.ThrowsAsync<StorageException>(() => beat.Stored);
        Assert.Null(await World.Get(Service, "ada"));
    }

    [Fact]
    public async Task OneTimeline_a_node_writes_nothing_to_other_data_than_it_knows_and_says_so()
    {
        var before = Data.Image;
        await World.Create(Service, "ada");
        var found = 0;
        World.Status.OtherDataFound += () => found++;
        Data.Promote(before);

        for (var attempt = 1; attempt <= 3; attempt++) // also when the writer has reopened the store
        {
            var image = Data.Image.Services;
            await Assert.ThrowsAsync<OtherDataException>(() => World.Create(Service, "bob"));
            Assert.Equal(attempt, found);
            Assert.Same(image, Data.Image.Services);
        }
        Node.LearnData();
        await World.Create(Service, "bob");

        Assert.Null(await World.Get(Service, "ada"));
        Assert.Null(World.Status.Eviction);
        Assert.Equal(3, found);
    }

    [Fact]
    public async Task OneTimeline_the_first_commit_of_a_writer_after_lost_commits_is_refused_until_the_node_knows_the_data()
    {
        using var other = await ClusterNode.JoinAsync(Data, "b");
        var before = Data.Image;
        await World.Create(Service, "ada");
        Data.Promote(before); // the writer of the other node opens the store only now

        await Assert.ThrowsAsync<OtherDataException>(() => other.World.Do(NewKey()));

        Assert.Empty(await Data.ListApiKeysAsync(default));
        other.LearnData();
        await other.World.Do(NewKey());
    }

    [Fact]
    public async Task OneTimeline_what_was_read_before_the_node_learned_other_data_is_not_written_to_it()
    {
        await World.Create(Service, "ada");
        var before = Data.Image;
        await World.Do(Edit(new UserEdit("lost", null, null)));
        Node.Store.Faults.AfterNextBatchRead(() =>
        {
            Data.Promote(before);
            Data.CommitFromOutside(image => Renamed(image, "kept")); // the user has the version that was read, and other values
            Node.LearnData();
        });

        await Assert.ThrowsAsync<OtherDataException>(() => World.Do(Edit(new UserEdit(null, "{\"a\":1}", null))));

        Assert.Equal("kept", (await World.Get(Service, "ada"))!.Record!.FriendlyName);
    }

    [Fact]
    public async Task OneTimeline_the_first_commit_after_the_node_has_learned_other_data_succeeds()
    {
        var before = Data.Image;
        await World.Create(Service, "ada");
        Data.Promote(before);
        Node.LearnData();

        await World.Create(Service, "bob");

        Assert.Null(await World.Get(Service, "ada"));
    }

    [Fact]
    public async Task OneTimeline_a_commit_in_doubt_is_not_taken_for_one_of_other_data_with_its_number()
    {
        var before = Data.Image;
        await World.Create(Service, "ada");
        var after = Data.Image;
        Data.Promote(before);
        Node.LearnData();
        Node.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        Node.Store.Faults.FailOperation(4); // the reopening, a read, the commit; then the reopening
        var isCommitted = false;
        var bob = NewUser("bob");
        bob.Committed = _ => isCommitted = true;
        var created = World.Queue.SubmitAsync(bob);
        World.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => created);

        Data.Promote(after); // its last commit has the number of the one in doubt
        Node.LearnData();
        await World.Create(Service, "cay");

        Assert.False(isCommitted);
        Assert.Null(await World.Get(Service, "bob"));
    }

    [Fact]
    public async Task A_node_whose_commits_are_lost_without_a_new_identity_of_the_data_ends()
    {
        var before = Data.Image;
        await World.Create(Service, "ada");
        var identity = before.Cluster.Identity;
        Data.Promote(before);
        Data.CommitFromOutside(image => image with { Cluster = image.Cluster with { Identity = identity } });

        await Assert.ThrowsAsync<NodeEvictedException>(() => World.Create(Service, "bob"));

        Assert.NotNull(World.Status.Eviction);
        Assert.Null(await World.Get(Service, "bob"));
    }

    private UpdateUser Edit(UserEdit edit) => new(Service.Sid, World.Key("ada"), identity: null, etag: "", edit);

    private StoreImage Renamed(StoreImage image, string name)
    {
        var service = image.Get(Service.Sid);
        var user = service.FindUser(World.Key("ada"))!;
        var record = service.Record with { Revision = user.Revision + 1 };
        user = user with { FriendlyName = name, FriendlyNameRevision = record.Revision, Revision = record.Revision };
        return image.With(service.Remove(user.Id).Add(user).Raise(user.Id) with { Record = record });
    }

    private async Task<StoreImage> EvictAsync()
    {
        Assert.True(await Data.OpenNode().EvictAsync(Node.Id, Data.Image.Cluster.Identity, renewal: 0, default));
        return Data.Image;
    }
}
