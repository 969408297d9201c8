using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Purging.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task Old_tombstones_are_purged_and_raise_the_purged_revision()
    {
        var service = AddService(revision: 9);
        AddTombstones(service, (4, 1), (5, 2), (6, 3));

        Assert.Equal(2, Purge(Sample.Time.AddDays(3), 10));

        var read = await Store.ListChangesAsync(service.Sid, 0, 10, Stop);
        Assert.Equal([6], read.Changes.Select(change => change.Revision));
        Assert.Equal(5, read.Service.PurgedRevision);
        Assert.Equal(0, Purge(Sample.Time.AddDays(3), 10));
    }

    [Fact]
    public async Task The_purged_revision_never_falls()
    {
        var service = AddService(revision: 9);
        // The wall clock was stepped back in between, so that the later revision is the older one.
        AddTombstones(service, (4, 5), (5, 2));

        Purge(Sample.Time.AddDays(3), 10);
        Assert.Equal(5, (await Store.FindServiceAsync(service.Sid, Stop))!.PurgedRevision);
        Purge(Sample.Time.AddDays(9), 10);
        Assert.Equal(5, (await Store.FindServiceAsync(service.Sid, Stop))!.PurgedRevision);
    }

    [Fact]
    public async Task The_purged_revision_is_the_greatest_of_a_purge_also_after_the_wall_clock_was_stepped_back()
    {
        var service = AddService(revision: 9);
        // The tombstone with the greatest revision is neither the oldest nor the newest.
        AddTombstones(service, (4, 5), (6, 3), (5, 2));

        Purge(Sample.Time.AddDays(9), 10);

        Assert.Equal(6, (await Store.FindServiceAsync(service.Sid, Stop))!.PurgedRevision);
    }

    [Fact]
    public async Task Tombstones_are_purged_in_bounded_batches_and_of_each_service_instance_its_own()
    {
        var (first, second) = (AddService(1, 9), AddService(2, 9));
        AddTombstones(first, (4, 1), (5, 3));
        AddTombstones(second, (6, 2));

        Assert.Equal(2, Purge(Sample.Time.AddDays(9), 2));

        Assert.Equal(1, Purge(Sample.Time.AddDays(9), 2));
        Assert.Equal(0, Purge(Sample.Time.AddDays(9), 2));
        Assert.Equal(5, (await Store.FindServiceAsync(first.Sid, Stop))!.PurgedRevision);
        Assert.Equal(6, (await Store.FindServiceAsync(second.Sid, Stop))!.PurgedRevision);
    }

    [Fact]
    public async Task A_deleted_service_instance_is_purged_in_bounded_batches_also_after_a_restart()
    {
        var (kept, deleted) = (AddService(1, 9), AddService(2, 40));
        var keptUser = AddUser(kept, Sample.OnlineUser(1, 2));
        FillForPurging(deleted);
        Write(session => session.DeleteService(deleted.Id));

        var removed = new List<int>();
        do
        {
            removed.Add(Purge(DateTimeOffset.MinValue, 7));
            if (removed.Count == 3)
                Restart();
        }
        while (removed[^1] > 0);

        // At least 20 users, 10 push bindings, 3 tombstones and the service instance. The store may have more rows.
        Assert.All(removed, count => Assert.InRange(count, 0, 7));
        Assert.True(removed.Sum() >= 34);
        Assert.Equal(keptUser, await FindUser(kept, Sample.Key(keptUser)));
        Assert.Equal(0, (await Store.FindServiceAsync(kept.Sid, Stop))!.PurgedRevision);
    }

    [Fact]
    public void A_purge_takes_no_number_of_a_commit()
    {
        var service = AddService(revision: 9);
        AddTombstones(service, (4, 1));
        var before = Session.Position;

        Assert.Equal(1, Purge(Sample.Time.AddDays(9), 10));

        TakeRevision(service, 10);
        Assert.Equal(before.LastCommit + 1, Session.Position.LastCommit);
    }

    [Fact]
    public async Task A_service_instance_that_took_a_deleted_ones_sid_survives_its_purge()
    {
        var first = AddService(revision: 40);
        FillForPurging(first);
        Write(session => session.DeleteService(first.Id));
        var second = AddService(revision: 3);
        var user = AddUser(second, Sample.User(1, 2));

        PurgeAll();

        Assert.Equal(user, await FindUser(second, Sample.Key(user)));
    }

    private void FillForPurging(ServiceRecord service) => Write(session =>
    {
        session.PutWebhook(WebhookOf(service, "https://post.example", 1));
        session.PutNotifications(service.Id, new NotificationSettings());
        for (var number = 100; number < 120; number++)
        {
            var user = session.InsertUser(service.Id, Sample.OnlineUser(number, number - 90));
            if (number % 2 == 0)
                session.InsertBinding(service.Id, user.Id, Sample.Binding(number, user));
        }
        for (var number = 120; number < 123; number++)
        {
            session.AddTombstone(service.Id, Sample.TombstoneOf(Sample.User(number, number - 90), number - 80));
        }
    });

    /// <summary>Adds tombstones with the revisions, each the given number of days after the sample time.</summary>
    private void AddTombstones(ServiceRecord service, params IEnumerable<(int Revision, int Day)> tombstones) => Write(session =>
    {
        foreach (var (revision, day) in tombstones)
        {
            session.AddTombstone(
                service.Id, Sample.TombstoneOf(Sample.User(1000 + revision, 2), revision, Sample.Time.AddDays(day)));
        }
    });

    private void PurgeAll()
    {
        while (Purge(DateTimeOffset.MinValue, 100) > 0)
        {
        }
    }
}
