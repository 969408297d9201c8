using GrpcPresence.Client.Watching;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>Tests what a slow reader of updates gets.</summary>
public sealed class UpdateQueueTests
{
    private static readonly PresenceUser Ada = new() { Identity = "ada", Sid = "US1", Revision = 1 };
    private static readonly PresenceUser Bob = new() { Identity = "bob", Sid = "US2", Revision = 1 };

    private readonly UpdateQueue _queue = new();

    [Fact]
    public async Task Changes_of_one_user_become_one_with_all_reasons_at_the_place_of_the_first()
    {
        _queue.Add(new UserUpdate(Ada with { Revision = 2 }, Ada, [UpdateReason.ReachabilityOnline]));
        _queue.Add(new UserUpdate(Bob with { Revision = 3 }, Bob, [UpdateReason.FriendlyName]));
        _queue.Add(new UserUpdate(Ada with { Revision = 4 }, Ada with { Revision = 2 }, [UpdateReason.FriendlyName]));

        var updates = await ReadAsync();

        Assert.Equal(["ada 4", "bob 3"], updates.Select(update => $"{update.User.Identity} {update.User.Revision}"));
        Assert.Equal([UpdateReason.ReachabilityOnline, UpdateReason.FriendlyName], updates[0].UpdateReasons);
        Assert.Equal(Ada, updates[0].Previous);
    }

    [Fact]
    public async Task A_user_that_came_and_went_before_it_was_read_leaves_nothing()
    {
        // Many times, because the queue must stay small.
        for (var i = 0; i < 10; i++)
        {
            var user = Ada with { Sid = $"US{i}" };
            _queue.Add(new UserUpdate(user, null, [UpdateReason.Created]));
            _queue.Add(new UserUpdate(user, user, [UpdateReason.Deleted]));
        }

        Assert.Empty(await ReadAsync());
    }

    [Fact]
    public async Task A_change_and_a_deletion_become_the_deletion()
    {
        _queue.Add(new UserUpdate(Ada with { Revision = 2 }, Ada, [UpdateReason.FriendlyName]));
        _queue.Add(new UserUpdate(Ada with { Revision = 3 }, Ada with { Revision = 2 }, [UpdateReason.Deleted]));

        var update = Assert.Single(await ReadAsync());

        Assert.Equal((3, Ada), (update.User.Revision, update.Previous));
        Assert.Equal([UpdateReason.Deleted], update.UpdateReasons);
    }

    [Fact]
    public async Task A_user_that_was_deleted_and_is_there_again_is_not_deleted()
    {
        // A restored backup brings users back.
        var restored = Ada with { Revision = 1, FriendlyName = "Ada" };
        _queue.Add(new UserUpdate(Ada with { Revision = 3 }, Ada, [UpdateReason.Deleted]));
        _queue.Add(new UserUpdate(restored, null, [UpdateReason.Created, UpdateReason.ReachabilityOnline]));

        var update = Assert.Single(await ReadAsync());

        Assert.False(update.IsDeleted);
        Assert.Equal((restored, Ada), (update.User, update.Previous));
        Assert.Equal([UpdateReason.Created, UpdateReason.ReachabilityOnline], update.UpdateReasons);
    }

    [Fact]
    public async Task A_user_that_was_deleted_is_there_again_and_is_deleted_is_deleted()
    {
        _queue.Add(new UserUpdate(Ada with { Revision = 3 }, Ada, [UpdateReason.Deleted]));
        _queue.Add(new UserUpdate(Ada, null, [UpdateReason.Created]));
        _queue.Add(new UserUpdate(Ada with { Revision = 2 }, Ada, [UpdateReason.Deleted]));

        var update = Assert.Single(await ReadAsync());

        Assert.True(update.IsDeleted);
        Assert.Equal(Ada, update.Previous);
    }

    [Fact]
    public async Task What_is_pending_comes_before_the_error_that_ended_the_watch()
    {
        _queue.Add(new UserUpdate(Ada, null, [UpdateReason.Created]));
        _queue.Complete(new PresenceException(Grpc.Core.StatusCode.NotFound, ErrorReason.ServiceInstanceNotFound, "gone"));

        await using var reader = _queue.ReadAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();

        Assert.True(await reader.MoveNextAsync());
        await Assert.ThrowsAsync<PresenceException>(async () => await reader.MoveNextAsync());
    }

    private async Task<List<UserUpdate>> ReadAsync()
    {
        _queue.Complete(error: null);
        return await _queue.ReadAsync(TestContext.Current.CancellationToken).ToListAsync();
    }
}
