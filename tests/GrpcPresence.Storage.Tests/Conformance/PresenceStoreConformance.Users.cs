using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Users.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task A_user_comes_back_as_it_was_inserted()
    {
        var service = AddService(revision: 2);

        var inserted = AddUser(service, Sample.User(1, 2));

        Assert.True(inserted.Id > 0);
        Assert.Equal(Sample.User(1, 2) with { Id = inserted.Id }, inserted);
        Assert.Equal(inserted, await FindUser(service, Sample.Key(inserted)));
        Assert.Equal(inserted, await FindUser(service, Sample.SidKey(inserted)));
    }

    [Fact]
    public async Task Every_property_of_a_user_is_kept_exactly()
    {
        var service = AddService(revision: 20);
        var user = AddUser(service, new UserRecord
        {
            Sid = Sample.UserSid(1),
            Identity = Identity.FromTrusted("naïve \0 user 🙂"),
            FriendlyName = "friendly \0 name",
            Attributes = """{"a":"é"}""",
            RoleSid = Sample.Role(1),
            CreateTime = Sample.Time.AddTicks(1),
            UpdateTime = Sample.Time.AddTicks(2),
            IsOnline = true,
            LastOnlineTime = Sample.Time.AddTicks(3),
            BindingCount = 4,
            HadBinding = true,
            CreatedRevision = 5,
            FriendlyNameRevision = 6,
            AttributesRevision = 7,
            RoleRevision = 8,
            OnlineRevision = 9,
            NotifiableRevision = 10,
            KnownRevision = 11,
            Revision = 12,
            QuietReasons = UpdateReasons.Created | UpdateReasons.Role,
            LastAlive = TimeSpan.FromTicks(13),
        });

        Assert.Equal(user, await FindUser(service, Sample.Key(user)));
        Assert.Equal(user, ReadUser(service, Sample.SidKey(user)));

        var updated = user with
        {
            FriendlyName = "",
            Attributes = new string('x', 4096),
            RoleSid = default,
            UpdateTime = Sample.Time.AddTicks(102),
            IsOnline = false,
            LastOnlineTime = null,
            BindingCount = 0,
            HadBinding = false,
            FriendlyNameRevision = 106,
            AttributesRevision = 107,
            RoleRevision = 108,
            OnlineRevision = 109,
            NotifiableRevision = 110,
            KnownRevision = 111,
            Revision = 112,
            QuietReasons = UpdateReasons.Attributes,
            LastAlive = TimeSpan.FromTicks(113),
        };
        Write(session => session.UpdateUser(updated));

        Assert.Equal(updated, await FindUser(service, Sample.SidKey(user)));
        Assert.Equal(updated, ReadUser(service, Sample.Key(user)));
    }

    [Fact]
    public async Task A_transition_writes_what_it_can_change_and_leaves_the_rest()
    {
        var service = AddService(revision: 2);
        var user = AddUser(
            service,
            Sample.User(1, revision: 3) with
            {
                FriendlyName = "Ada",
                HadBinding = true,
                BindingCount = 2,
                QuietReasons = UpdateReasons.Created,
            });
        var changed = user with
        {
            IsOnline = !user.IsOnline,
            LastOnlineTime = Sample.Time.AddTicks(7),
            LastAlive = TimeSpan.FromTicks(9),
            OnlineRevision = 4,
            NotifiableRevision = 5,
            KnownRevision = 6,
            Revision = 7,
        };

        Write(session => session.UpdatePresence(changed));

        Assert.Equal(changed, await FindUser(service, Sample.Key(user)));
        Assert.Equal(changed, ReadUser(service, Sample.SidKey(user)));
    }

    [Fact]
    public void A_presence_is_read_as_it_was_written_and_by_each_key_of_the_user()
    {
        var (service, other) = (AddService(1, 20), AddService(2, 20));
        var online = AddUser(
            service, Sample.OnlineUser(1, 3) with { HadBinding = true, NotifiableRevision = 3, LastAlive = TimeSpan.FromTicks(5) });
        var offline = AddUser(
            service, Sample.User(2, 4) with { LastOnlineTime = Sample.Time.AddTicks(6), OnlineRevision = 4, KnownRevision = 3 });
        var foreign = AddUser(other, Sample.User(3, 5));

        UserLookup[] lookups =
        [
            new(Sample.Key(online)), new(Sample.SidKey(offline)), new(Sample.Key(online), online.Id), new(Sample.Key(offline), offline.Id),
            new(Sample.Key(foreign)), new(Sample.Key(foreign), foreign.Id), new(Sample.Key(online), offline.Id + 1),
        ];
        var read = Session.Read(service.Sid, keys =>
        {
            foreach (var lookup in lookups)
            {
                keys.AddPresence(lookup);
                keys.AddUser(lookup);
            }
        });

        UserRecord?[] expected = [online, offline, online, offline, null, null, null];
        Assert.Equal(expected, read.Users);
        Assert.Equal(
            expected.Select(user => user is null ? default : new StoredPresence(user.Id, user.Sid, user.HadBinding, UserPresence.Of(user))),
            read.Presences);
    }

    [Fact]
    public async Task A_time_with_an_offset_is_the_same_moment_when_it_comes_back()
    {
        var service = AddService(revision: 2);
        var time = new DateTimeOffset(2026, 5, 6, 7, 8, 9, TimeSpan.FromHours(5)).AddTicks(1);

        var user = AddUser(service, Sample.User(1, 2) with { UpdateTime = time });

        Assert.Equal(user.Etag, (await FindUser(service, Sample.Key(user)))!.Etag);
    }

    [Fact]
    public async Task A_user_that_does_not_exist_is_null()
    {
        var service = AddService();

        Assert.Null(await FindUser(service, new UserKey(Sample.Identity(1))));
        Assert.Null(ReadUser(service, new UserKey(Sample.UserSid(1))));
    }

    [Fact]
    public async Task Identities_are_case_sensitive_and_compared_by_code_unit()
    {
        var service = AddService(revision: 9);
        string[] identities = ["ab", "AB", "a\u030Ab", "\u00E5b", "ab ", "ab\0"];
        AddUsers(service, identities.Select((text, i) => Sample.User(i, i + 2) with { Identity = Identity.FromTrusted(text) }));

        for (var i = 0; i < identities.Length; i++)
            Assert.Equal(Sample.UserSid(i), (await FindUser(service, new UserKey(Identity.FromTrusted(identities[i]))))!.Sid);
    }

    [Fact]
    public async Task The_same_identity_in_two_service_instances_is_two_users()
    {
        var (first, second) = (AddService(1, 2), AddService(2, 2));
        AddUser(first, Sample.User(1, 2));
        AddUser(second, Sample.User(2, 2) with { Identity = Sample.Identity(1) });

        Assert.Equal(Sample.UserSid(1), (await FindUser(first, new UserKey(Sample.Identity(1))))!.Sid);
        Assert.Equal(Sample.UserSid(2), (await FindUser(second, new UserKey(Sample.Identity(1))))!.Sid);
        Assert.Null(await FindUser(first, new UserKey(Sample.UserSid(2))));
    }

    [Fact]
    public async Task Users_are_found_in_the_order_of_the_keys_each_once()
    {
        var service = AddService(revision: 4);
        AddUsers(service, Enumerable.Range(1, 3).Select(number => Sample.User(number, number + 1)));

        var read = await Store.FindUsersAsync(
            service.Sid,
            [
                new UserKey(Sample.Identity(3)), new UserKey(Sample.Identity(9)), new UserKey(Sample.UserSid(1)),
                new UserKey(Sample.UserSid(3)), new UserKey(Sample.Identity(1)), new UserKey(Sample.Identity(3)),
            ],
            Stop);

        Assert.Equal([Sample.Identity(3), Sample.Identity(1)], Identities(read.Users));
        Assert.Equal(service, read.Service);
    }

    [Fact]
    public async Task A_thousand_users_are_found_in_one_read()
    {
        var service = AddService(revision: 1001);
        AddUsers(service, Enumerable.Range(0, 1000).Select(number => Sample.User(number, number + 2)));

        var keys = Enumerable.Range(0, 1000).Select(n => n % 2 == 0 ? new UserKey(Sample.Identity(n)) : new UserKey(Sample.UserSid(n)));
        var read = await Store.FindUsersAsync(service.Sid, [.. keys], Stop);

        Assert.Equal(Enumerable.Range(0, 1000).Select(Sample.Identity), Identities(read.Users));
    }

    [Fact]
    public async Task Users_are_listed_by_ascending_key_above_the_one_given()
    {
        var (service, other) = (AddService(1, 9), AddService(2, 9));
        List<UserRecord> users = [];
        for (var number = 1; number <= 4; number++)
        {
            users.Add(AddUser(service, Sample.User(10 - number, number + 1)));
            AddUser(other, Sample.User(20 - number, number + 1));
        }

        var read = await Store.ListUsersAsync(service.Sid, users[0].Id, 2, online: null, Stop);

        Assert.Equal([users[1], users[2]], read.Users.Select(user => user.Record));
        Assert.Equal(service, read.Service);
        Assert.Equal(users, (await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop)).Users.Select(user => user.Record));
        Assert.Empty((await Store.ListUsersAsync(service.Sid, users[3].Id, 10, online: null, Stop)).Users);

        var before = await Store.ListUsersBeforeAsync(service.Sid, users[3].Id, 2, online: null, Stop);
        Assert.Equal([users[2], users[1]], before.Users.Select(user => user.Record));
        Assert.Equal(service, before.Service);
        Assert.Equal(4, (await Store.ListUsersBeforeAsync(service.Sid, long.MaxValue, 10, online: null, Stop)).Users.Count);
        Assert.Empty((await Store.ListUsersBeforeAsync(service.Sid, users[0].Id, 10, online: null, Stop)).Users);
    }

    [Fact]
    public async Task Users_are_listed_by_the_is_online_that_is_visible()
    {
        var (service, other) = (AddService(1, 20), AddService(2, 20));
        TurnOnAt(service, 10);
        AddUsers(
            service,
            Sample.User(1, 2), // never known
            Sample.OnlineUser(2, 5), // known in an earlier on-period
            Sample.OnlineUser(3, 5) with { IsOnline = false },
            Sample.OnlineUser(4, 10), // visible from here on
            Sample.OnlineUser(5, 11) with { IsOnline = false },
            Sample.OnlineUser(6, 12) with { KnownRevision = 12 },
            Sample.OnlineUser(7, 13) with { IsOnline = false });
        AddUser(other, Sample.OnlineUser(8, 2));

        async Task<IEnumerable<int>> List(bool online, long afterId = 0, int limit = 10) =>
            (await Store.ListUsersAsync(service.Sid, afterId, limit, online, Stop)).Users.Select(NumberOf);

        Assert.Equal([4, 6], await List(online: true));
        Assert.Equal([5, 7], await List(online: false));
        Assert.Equal([4], await List(online: true, limit: 1));
        var four = await FindUser(service, new UserKey(Sample.Identity(4)));
        Assert.Equal([6], await List(online: true, afterId: four!.Id));
        Assert.Equal([5], await List(online: false, afterId: four.Id, limit: 1));

        async Task<IEnumerable<int>> ListBefore(bool online, long beforeId = long.MaxValue, int limit = 10) =>
            (await Store.ListUsersBeforeAsync(service.Sid, beforeId, limit, online, Stop)).Users.Select(NumberOf);

        Assert.Equal([6, 4], await ListBefore(online: true));
        Assert.Equal([7, 5], await ListBefore(online: false));
        Assert.Equal([6], await ListBefore(online: true, limit: 1));
        Assert.Empty(await ListBefore(online: true, beforeId: four.Id));
    }

    [Fact]
    public async Task While_reachability_is_off_no_user_is_visibly_online_or_offline()
    {
        var service = AddService(revision: 5);
        AddUsers(service, Sample.OnlineUser(1, 2), Sample.OnlineUser(2, 3) with { IsOnline = false });
        Write(session => session.UpdateService(service with
        {
            Configuration = service.Configuration with { ReachabilityEnabled = false, SwitchRevision = 5 },
        }));

        Assert.Empty((await Store.ListUsersAsync(service.Sid, 0, 10, online: true, Stop)).Users);
        Assert.Empty((await Store.ListUsersAsync(service.Sid, 0, 10, online: false, Stop)).Users);
        Assert.Empty((await Store.ListUsersBeforeAsync(service.Sid, long.MaxValue, 10, online: true, Stop)).Users);
        Assert.Empty(await Store.ListOnlineUsersAsync(0, 10, Stop));
    }

    [Fact]
    public async Task Users_that_became_known_since_a_revision_are_listed_up_to_a_revision_of_their_row()
    {
        var (service, other) = (AddService(1, 20), AddService(2, 20));
        AddUsers(
            service,
            Sample.User(1, 6), // never known
            Sample.OnlineUser(2, 4), // known too early
            Sample.OnlineUser(3, 5),
            Sample.OnlineUser(4, 6) with { Revision = 9 }, // changed too late
            Sample.OnlineUser(5, 6) with { Revision = 8, IsOnline = false },
            Sample.OnlineUser(6, 7));
        AddUser(other, Sample.OnlineUser(7, 6));

        async Task<IEnumerable<int>> List(long afterId, int limit, long knownSince) =>
            (await Store.ListKnownUsersAsync(service.Sid, afterId, limit, knownSince, 8, Stop)).Users.Select(NumberOf);

        Assert.Equal([3, 5, 6], await List(0, 10, 5));
        Assert.Equal([3, 5], await List(0, 2, 5));
        Assert.Equal([6], await List((await FindUser(service, new UserKey(Sample.Identity(5))))!.Id, 10, 5));
        Assert.Equal([2, 3, 5, 6], await List(0, 10, 0));
    }

    [Fact]
    public async Task Online_users_of_all_service_instances_are_listed_by_ascending_key()
    {
        var (first, second, off, deleted) = (AddService(1, 20), AddService(2, 20), AddService(3, 20, enabled: false), AddService(4, 20));
        TurnOnAt(second, 10);
        var expected = new List<(long, ServiceSid, UserSid, Identity)>();
        for (var round = 0; round < 3; round++)
        {
            foreach (var (service, number) in new[] { (second, 100 + round), (first, 200 + round) })
            {
                var user = AddUser(service, Sample.OnlineUser(number, 11 + round));
                expected.Add((user.Id, service.Sid, user.Sid, user.Identity));
            }
            AddUser(first, Sample.OnlineUser(300 + round, 15 + round) with { IsOnline = false });
            AddUser(second, Sample.OnlineUser(400 + round, 5 + round)); // known before reachability was last switched on
            AddUser(off, Sample.OnlineUser(500 + round, 2 + round));
            AddUser(deleted, Sample.OnlineUser(600 + round, 2 + round));
        }
        Write(session => session.DeleteService(deleted.Id));

        expected = [.. expected.OrderBy(user => user.Item1)];
        var all = await Store.ListOnlineUsersAsync(0, 100, Stop);
        Assert.Equal(expected, all.Select(user => (user.Id, user.Service, user.Sid, user.Identity)));

        var pages = new List<long>();
        for (var page = await Store.ListOnlineUsersAsync(0, 2, Stop);
            page.Count > 0;
            page = await Store.ListOnlineUsersAsync(pages[^1], 2, Stop))
        {
            Assert.True(page.Count <= 2);
            pages.AddRange(page.Select(user => user.Id));
        }
        Assert.Equal(expected.Select(user => user.Item1), pages);
    }

    [Fact]
    public async Task A_user_that_went_offline_is_no_longer_listed_as_online_and_the_other_way_round()
    {
        var service = AddService(revision: 5);
        var first = AddUser(service, Sample.OnlineUser(1, 2));
        var second = AddUser(service, Sample.OnlineUser(2, 3) with { IsOnline = false });

        Write(session =>
        {
            session.UpdateUser(first with { IsOnline = false, Revision = 4, OnlineRevision = 4 });
            session.UpdateUser(second with { IsOnline = true, Revision = 5, OnlineRevision = 5 });
        });

        Assert.Equal(second.Id, Assert.Single(await Store.ListOnlineUsersAsync(0, 10, Stop)).Id);
        Assert.Equal(2, NumberOf(Assert.Single((await Store.ListUsersAsync(service.Sid, 0, 10, online: true, Stop)).Users)));
    }

    [Fact]
    public async Task A_deleted_user_is_gone_with_its_push_bindings_and_its_identity_is_free()
    {
        var service = AddService(revision: 3);
        var user = AddUser(service, Sample.OnlineUser(1, 2));
        var binding = Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));

        var next = Write(session =>
        {
            session.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 3));
            return session.InsertUser(service.Id, Sample.User(2, 4) with { Identity = user.Identity });
        });

        Assert.Null(await FindUser(service, Sample.SidKey(user)));
        Assert.Equal(next, await FindUser(service, Sample.Key(user)));
        Assert.True(next.Id > user.Id);
        Assert.Null(await Store.FindBindingAsync(service.Sid, binding.Sid, Stop));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop));
        Assert.Empty(await Store.ListOnlineUsersAsync(0, 10, Stop));
    }

    [Fact]
    public void The_key_of_a_deleted_user_is_not_used_again()
    {
        var service = AddService(revision: 3);
        var user = AddUser(service, Sample.User(1, 2));
        Write(session => session.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 3)));
        Restart();

        Assert.True(AddUser(service, Sample.User(2, 4)).Id > user.Id);
    }

    private static int NumberOf(UserState user) =>
        int.Parse(user.Identity.ToString().AsSpan("user-".Length), System.Globalization.CultureInfo.InvariantCulture);

    private void TurnOnAt(ServiceRecord service, long revision) => Write(session => session.UpdateService(service with
    {
        Configuration = service.Configuration with { SwitchRevision = revision, SwitchedOnRevision = revision },
    }));
}
