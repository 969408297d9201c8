using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Timelines.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task The_store_keeps_its_timeline_until_the_next_start()
    {
        var service = AddService();
        var timeline = Store.TimelineOf(service);
        TakeRevision(service, 2);
        Session.Reopen();
        var other = AddService(2);

        Assert.Equal(timeline, other.Timeline);
        Assert.NotEqual(default, timeline);
        foreach (var read in await Store.ReadEverywayAsync(service, Stop))
            Assert.Equal((timeline, 2), (read.Timeline, read.Revision));

        Restart();
        var later = Store.TimelineOf(service);
        Assert.NotEqual(timeline, later);
        Assert.Equal(later, AddService(3).Timeline);
        foreach (var read in await Store.ReadEverywayAsync(service, Stop))
            Assert.Equal((later, 2), (read.Timeline, read.Revision));
    }

    [Fact]
    public async Task A_revision_that_is_taken_again_after_a_restore_is_of_another_timeline()
    {
        var service = AddService(revision: 3);
        var backup = Backup();
        TakeRevision(service, 5);
        var lost = Store.TimelineOf(service);

        Restore(backup);
        var kept = Store.TimelineOf(service);
        foreach (var read in await Store.ReadEverywayAsync(service, Stop))
            Assert.Equal((kept, 3), (read.Timeline, read.Revision));
        TakeRevision(service, 5);

        Assert.NotEqual(lost, kept);
        foreach (var read in await Store.ReadEverywayAsync(service, Stop))
            Assert.Equal((kept, 5), (read.Timeline, read.Revision));
    }

    [Fact]
    public async Task The_present_timeline_ends_at_the_last_revision()
    {
        var service = AddService(revision: 3);
        Assert.Equal(3, await EndOf(service, Store.TimelineOf(service)));

        TakeRevision(service, 8);

        // The caller's record is older than the data. The data counts.
        Assert.Equal(8, await EndOf(service, Store.TimelineOf(service)));
    }

    [Fact]
    public async Task An_unknown_timeline_has_no_end()
    {
        var service = AddService();

        Assert.Null(await EndOf(service, new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)));
    }

    [Fact]
    public async Task An_earlier_timeline_ends_where_it_was_left()
    {
        var service = AddService(revision: 3);
        var first = Store.TimelineOf(service);
        TakeRevision(service, 5);
        Restart();

        // No later commit: the timeline ends at the last revision.
        Assert.Equal(5, await EndOf(service, first));
        TakeRevision(service, 6);
        TakeRevision(service, 7);

        Assert.Equal(5, await EndOf(service, first));
        Assert.Equal(7, await EndOf(service, Store.TimelineOf(service)));
    }

    [Fact]
    public async Task A_timeline_ends_at_the_first_later_one_in_which_something_was_committed()
    {
        var service = AddService(revision: 3);
        var first = Store.TimelineOf(service);
        Restart();
        var second = Store.TimelineOf(service);
        Restart();
        TakeRevision(service, 4);
        var third = Store.TimelineOf(service);
        Restart();
        TakeRevision(service, 9);

        Assert.Equal(3, await EndOf(service, first));
        Assert.Equal(3, await EndOf(service, second));
        Assert.Equal(4, await EndOf(service, third));
        Assert.Equal(9, await EndOf(service, Store.TimelineOf(service)));
    }

    [Fact]
    public async Task Timelines_end_for_each_service_instance_by_itself()
    {
        var (first, second) = (AddService(1, 3), AddService(2, 30));
        var (ofFirst, ofSecond) = (Store.TimelineOf(first), Store.TimelineOf(second));
        Restart();
        TakeRevision(second, 31);
        Restart();
        TakeRevision(first, 4);

        Assert.Equal(3, await EndOf(first, ofFirst));
        Assert.Equal(30, await EndOf(second, ofSecond));
    }

    [Fact]
    public async Task A_change_without_a_revision_does_not_end_a_timeline()
    {
        var service = AddService(revision: 3);
        var timeline = Store.TimelineOf(service);
        Restart();
        Write(session => session.UpdateService(service with { FriendlyName = "another" }));
        Restart();

        Assert.Equal(3, await EndOf(service, timeline));
        TakeRevision(service, 4);
        Assert.Equal(3, await EndOf(service, timeline));
    }

    [Fact]
    public async Task A_revision_that_was_not_committed_does_not_end_a_timeline()
    {
        var service = AddService(revision: 3);
        var first = Store.TimelineOf(service);
        Restart();
        var refused = Session;
        refused.UpdateService(service with { Revision = 4 });
        var writes = refused.Build();
        writes.Number++;
        Assert.Throws<StorageException>(() => refused.Commit(writes));
        Assert.Equal(3, await EndOf(service, first));
        TakeRevision(service, 5);
        Restart();
        TakeRevision(service, 6);

        Assert.Equal(3, await EndOf(service, first));
    }

    [Fact]
    public async Task A_timeline_that_was_left_ends_at_the_same_revision_after_reopening()
    {
        var service = AddService(revision: 3);
        var first = Store.TimelineOf(service);
        Restart();
        TakeRevision(service, 4);
        Session.Reopen();
        TakeRevision(service, 5);

        Assert.Equal(3, await EndOf(service, first));
    }

    [Fact]
    public async Task A_service_instance_that_is_created_with_users_after_a_restore_continues_no_revision_of_before()
    {
        AddService(1);
        var backup = Backup();
        var lost = AddService(2, revision: 5);
        var earlier = Store.TimelineOf(lost);
        Restore(backup);

        var again = AddService(2, revision: 5);

        Assert.Equal(lost.Id, again.Id);
        Assert.Equal(0, await EndOf(again, earlier));
        TakeRevision(again, 6);
        Assert.Equal(0, await EndOf(again, earlier));
        Assert.Equal(6, await EndOf(again, Store.TimelineOf(again)));
    }

    private async Task<long?> EndOf(ServiceRecord service, Guid timeline) => await Store.FindTimelineEndAsync(service, timeline, Stop);
}
