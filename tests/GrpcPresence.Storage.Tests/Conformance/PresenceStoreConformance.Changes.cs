using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Changes since a revision.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task Changes_are_users_and_tombstones_by_ascending_revision()
    {
        var service = WithChanges();

        var read = await Store.ListChangesAsync(service.Sid, 0, 100, Stop);

        Assert.Equal(
            [(1, 10, false), (5, 11, true), (3, 12, false), (6, 13, true), (7, 14, true), (2, 15, false), (4, 16, false)],
            read.Changes.Select(Shape));
        Assert.Equal(service, read.Service);
    }

    [Fact]
    public async Task Changes_begin_above_the_revision()
    {
        var service = WithChanges();

        Assert.Equal([13, 14, 15, 16], await Revisions(service, 12, 100));
        Assert.Equal([14, 15, 16], await Revisions(service, 13, 100));
        Assert.Empty(await Revisions(service, 16, 100));
        Assert.Empty(await Revisions(service, 9999, 100));
    }

    [Fact]
    public async Task Changes_are_cut_at_the_limit_wherever_it_falls()
    {
        var service = WithChanges();
        int[] all = [10, 11, 12, 13, 14, 15, 16];

        for (var after = 9; after <= 16; after++)
        {
            for (var limit = 1; limit <= 8; limit++)
                Assert.Equal(all.Where(revision => revision > after).Take(limit), await Revisions(service, after, limit));
        }
    }

    [Fact]
    public async Task Only_tombstones_or_only_users_are_listed_to_the_limit_too()
    {
        var (users, tombstones) = (AddService(1, 50), AddService(2, 50));
        AddUsers(users, Enumerable.Range(10, 5).Select(n => Sample.User(n, n)));
        AddTombstones(tombstones, Enumerable.Range(20, 5).Select(n => (n, 0)));

        Assert.Equal([11, 12, 13], await Revisions(users, 10, 3));
        Assert.Equal([21, 22, 23], await Revisions(tombstones, 20, 3));
    }

    [Fact]
    public async Task A_user_that_changed_twice_is_listed_once_at_its_last_revision()
    {
        var service = AddService(revision: 5);
        var user = AddUser(service, Sample.User(1, 2));
        AddUser(service, Sample.User(2, 3));
        Write(session => session.UpdateUser(user with { FriendlyName = "a", FriendlyNameRevision = 4, Revision = 4 }));

        Assert.Equal([3, 4], await Revisions(service, 0, 10));
    }

    [Fact]
    public async Task The_revision_of_a_change_is_the_rows_also_where_a_switch_shows_a_greater_one()
    {
        var service = AddService(revision: 9);
        AddUser(service, Sample.OnlineUser(1, 2));
        TurnOnAt(service, 9);

        var change = Assert.Single((await Store.ListChangesAsync(service.Sid, 0, 10, Stop)).Changes);

        Assert.Equal((2, 9), (change.Revision, change.State.Revision));
    }

    [Fact]
    public async Task A_change_that_takes_no_revision_keeps_the_place_of_the_user()
    {
        var service = AddService(revision: 3);
        var user = AddUser(service, Sample.User(1, 2));
        AddUser(service, Sample.User(2, 3));
        Write(session => session.UpdateUser(user with { BindingCount = 1, HadBinding = true }));

        Assert.Equal([2, 3], await Revisions(service, 0, 10));
    }

    [Fact]
    public async Task Changes_of_other_service_instances_are_not_listed()
    {
        var service = WithChanges();
        var other = AddService(2, 30);
        AddUser(other, Sample.User(1, 12));
        AddTombstones(other, (13, 0));

        Assert.Equal(7, (await Store.ListChangesAsync(service.Sid, 0, 100, Stop)).Changes.Count);
        Assert.Equal([12, 13], await Revisions(other, 0, 100));
    }

    [Fact]
    public async Task Changes_of_keys_are_every_user_that_exists_and_the_tombstones_above_the_revision()
    {
        var service = WithChanges();

        var read = await Store.FindChangesAsync(
            service.Sid,
            [
                new UserKey(Sample.UserSid(4)), // exists
                new UserKey(Sample.Identity(1)), // exists, not changed since
                new UserKey(Sample.UserSid(5)), // deleted at 11, too early
                new UserKey(Sample.UserSid(6)), // deleted at 13
                new UserKey(Sample.Identity(99)), // never existed
            ],
            12,
            Stop);

        Assert.Equal([(1, 10, false), (6, 13, true), (4, 16, false)], read.Changes.Select(Shape));
        Assert.Equal(service, read.Service);
    }

    [Fact]
    public async Task Changes_of_an_identity_include_every_user_that_had_it()
    {
        var service = AddService(revision: 20);
        var identity = Sample.Identity(1);
        Write(session =>
        {
            for (var number = 1; number <= 3; number++)
            {
                var user = Sample.User(number, number + 1) with { Identity = identity };
                session.AddTombstone(service.Id, Sample.TombstoneOf(user, 10 + number));
            }
            session.InsertUser(service.Id, Sample.User(4, 14) with { Identity = identity });
        });

        var read = await Store.FindChangesAsync(service.Sid, [new UserKey(identity)], 11, Stop);
        Assert.Equal(
            [(Sample.UserSid(2), 12), (Sample.UserSid(3), 13), (Sample.UserSid(4), 14)],
            read.Changes.Select(change => (change.State.Sid, change.Revision)));

        read = await Store.FindChangesAsync(service.Sid, [new UserKey(Sample.UserSid(2))], 0, Stop);
        Assert.Equal([12], read.Changes.Select(change => change.Revision));
    }

    [Fact]
    public async Task Changes_of_keys_name_each_user_and_each_tombstone_once()
    {
        var service = WithChanges();

        var read = await Store.FindChangesAsync(
            service.Sid,
            [
                new UserKey(Sample.UserSid(1)), new UserKey(Sample.Identity(1)), new UserKey(Sample.UserSid(1)),
                new UserKey(Sample.UserSid(6)), new UserKey(Sample.Identity(6)),
            ],
            0,
            Stop);

        Assert.Equal([(1, 10, false), (6, 13, true)], read.Changes.Select(Shape));
    }

    [Fact]
    public async Task Changes_of_a_thousand_keys_are_found_in_one_read()
    {
        var service = AddService(revision: 5000);
        AddUsers(service, Enumerable.Range(0, 600).Select(number => Sample.User(number, 2000 - number)));
        AddTombstones(service, Enumerable.Range(3000, 400).Select(revision => (revision, 0)));

        var keys = Enumerable.Range(0, 600).Select(number => new UserKey(Sample.Identity(number)))
            .Concat(Enumerable.Range(3000, 400).Select(revision => new UserKey(Sample.UserSid(1000 + revision))));
        var read = await Store.FindChangesAsync(service.Sid, [.. keys], 3099, Stop);

        Assert.Equal(
            Enumerable.Range(1401, 600).Concat(Enumerable.Range(3100, 300)),
            read.Changes.Select(change => (int)change.Revision));
    }

    private static (int Number, long Revision, bool IsDeleted) Shape(StoredChange change) =>
        ((int)(uint)change.State.Sid.Value, change.Revision, change.State.IsDeleted);

    private async Task<IEnumerable<int>> Revisions(ServiceRecord service, long after, int limit) =>
        (await Store.ListChangesAsync(service.Sid, after, limit, Stop)).Changes.Select(change => (int)change.Revision);

    /// <summary>Adds users 1 to 4 at 10, 15, 12 and 16, and the tombstones of 5, 6 and 7 at 11, 13 and 14.</summary>
    private ServiceRecord WithChanges()
    {
        var service = AddService(1, 16);
        AddUsers(service, Sample.User(1, 10), Sample.User(2, 15), Sample.User(3, 12), Sample.User(4, 16));
        Write(session =>
        {
            foreach (var (number, revision) in new[] { (5, 11), (6, 13), (7, 14) })
                session.AddTombstone(service.Id, Sample.TombstoneOf(Sample.User(number, 2), revision));
        });
        return service;
    }
}
