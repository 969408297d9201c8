using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Service instances.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task A_service_instance_comes_back_as_it_was_inserted()
    {
        var inserted = Write(session => session.InsertService(Sample.Service()));

        Assert.True(inserted.Id > 0);
        Assert.Equal(Sample.Service() with { Id = inserted.Id, Timeline = inserted.Timeline }, inserted);
        Assert.Equal(inserted, await Store.FindServiceAsync(inserted.Sid, Stop));
        Assert.Equal(inserted, Session.FindService(inserted.Sid));
    }

    [Fact]
    public async Task Every_part_of_a_service_instance_can_be_updated_but_its_key_and_sid()
    {
        var inserted = Write(session => session.InsertService(Sample.Service()));
        var updated = inserted with
        {
            FriendlyName = "another \0 name, naïve 🙂",
            UpdateTime = Sample.Time.AddTicks(77),
            Revision = 12,
            UserCount = 5_000_000_000,
            Configuration = new ServiceConfiguration
            {
                ReachabilityEnabled = true,
                HeartbeatInterval = TimeSpan.FromTicks(10_000_001),
                SessionTimeout = TimeSpan.FromTicks(30_000_003),
                OfflineDebounce = TimeSpan.FromTicks(5),
                AutoCreateUsers = false,
                DefaultServiceRoleSid = Sample.Role(1),
                DefaultConversationRoleSid = Sample.Role(2),
                DefaultConversationCreatorRoleSid = Sample.Role(3),
                Revision = 11,
                SwitchedOnRevision = 9,
                SwitchRevision = 10,
                UpdateTime = Sample.Time.AddTicks(78),
            },
        };

        Write(session => session.UpdateService(updated));

        Assert.Equal(updated, await Store.FindServiceAsync(inserted.Sid, Stop));
        Assert.Equal(updated, Session.FindService(inserted.Sid));
    }

    [Fact]
    public async Task The_number_of_users_is_the_last_written_one_whatever_users_were_added_or_removed_since()
    {
        var service = Write(session => session.InsertService(Sample.Service() with { UserCount = 1 }));
        var user = AddUser(service, Sample.User(1, 2));
        Assert.Equal(1, (await Store.FindServiceAsync(service.Sid, Stop))!.UserCount);
        Write(session =>
        {
            session.UpdateService(service with { Revision = 3, UserCount = 2 });
            session.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 3));
        });
        Purge(Sample.Time.AddDays(1), 10);
        Restart();

        Assert.Equal(2, (await Store.FindServiceAsync(service.Sid, Stop))!.UserCount);
        Assert.Equal(2, (await Store.ListServicesAsync(0, 10, Stop)).Single().UserCount);
        Assert.Equal(2, (await Store.ListUsersAsync(service.Sid, 0, 10, online: null, Stop)).Service.UserCount);
    }

    [Fact]
    public async Task Updating_a_service_instance_leaves_its_purged_revision()
    {
        var service = AddService(revision: 3);
        var user = AddUser(service, Sample.User(1, 2));
        Write(session => session.DeleteUser(service.Id, user, Sample.TombstoneOf(user, 3)));
        Purge(Sample.Time.AddDays(1), 10);

        Write(session => session.UpdateService(service with { Revision = 4, PurgedRevision = 0 }));

        var found = await Store.FindServiceAsync(service.Sid, Stop);
        Assert.Equal((4, 3), (found!.Revision, found.PurgedRevision));
    }

    [Fact]
    public async Task A_service_instance_that_does_not_exist_is_null()
    {
        Assert.Null(await Store.FindServiceAsync(Sample.ServiceSid(1), Stop));
        Assert.Null(Session.FindService(Sample.ServiceSid(1)));
    }

    [Fact]
    public async Task Service_instances_are_listed_by_ascending_key_above_the_one_given()
    {
        var services = Enumerable.Range(1, 5)
            .Select(number => Write(session => session.InsertService(Sample.Service(10 - number))))
            .ToList();

        Assert.Equal(services.Take(2), await Store.ListServicesAsync(0, 2, Stop));
        Assert.Equal(services.Skip(2), await Store.ListServicesAsync(services[1].Id, 10, Stop));
        Assert.Empty(await Store.ListServicesAsync(services[4].Id, 10, Stop));
        Assert.Equal([services[3], services[2]], await Store.ListServicesBeforeAsync(services[4].Id, 2, Stop));
        Assert.Empty(await Store.ListServicesBeforeAsync(services[0].Id, 10, Stop));
    }

    [Fact]
    public async Task A_deleted_service_instance_is_invisible_at_once_with_everything_in_it()
    {
        var service = AddService(revision: 3);
        var user = AddUser(service, Sample.OnlineUser(1, 2));
        var binding = Write(session => session.InsertBinding(service.Id, user.Id, Sample.Binding(1, user)));

        Write(session => session.DeleteService(service.Id));

        Assert.Null(Session.FindService(service.Sid));
        Assert.Null(await Store.FindServiceAsync(service.Sid, Stop));
        Assert.Empty(await Store.ListServicesAsync(0, 10, Stop));
        Assert.Empty(await Store.ListOnlineUsersAsync(0, 10, Stop));
        await AssertNotFound(service, user, binding);
    }

    [Fact]
    public async Task Every_read_of_an_unknown_service_instance_is_rejected()
    {
        var user = Sample.User(1, 1);

        await AssertNotFound(Sample.Service(), user, Sample.Binding(1, user));
    }

    [Fact]
    public async Task The_sid_of_a_deleted_service_instance_is_free_and_its_key_is_not_used_again()
    {
        var first = AddService(revision: 2);
        AddUser(first, Sample.OnlineUser(1, 2));
        Write(session => session.DeleteService(first.Id));

        var second = AddService(revision: 1);

        Assert.True(second.Id > first.Id);
        Assert.Equal(second, await Store.FindServiceAsync(first.Sid, Stop));
        Assert.Empty((await Store.ListUsersAsync(first.Sid, 0, 10, online: null, Stop)).Users);
        Assert.Empty((await Store.ListChangesAsync(first.Sid, 0, 10, Stop)).Changes);
        Assert.Null(await FindUser(second, new UserKey(Sample.Identity(1))));
    }

    [Fact]
    public async Task A_sid_can_be_freed_and_taken_in_one_commit()
    {
        var first = AddService();
        var second = Write(session =>
        {
            session.DeleteService(first.Id);
            return session.InsertService(Sample.Service());
        });

        Assert.Equal(second.Id, (await Store.FindServiceAsync(first.Sid, Stop))!.Id);
    }

    [Fact]
    public void The_key_of_a_purged_service_instance_is_not_used_again()
    {
        var first = AddService();
        Write(session => session.DeleteService(first.Id));
        PurgeAll();
        Restart();

        Assert.True(AddService().Id > first.Id);
    }

    private async Task AssertNotFound(ServiceRecord service, UserRecord user, PushBinding binding)
    {
        var sid = service.Sid;
        ErrorReason[] reasons =
        [
            await RejectionOf(Store.FindUsersAsync(sid, [Sample.Key(user)], Stop)),
            await RejectionOf(Store.ListUsersAsync(sid, 0, 10, online: null, Stop)),
            await RejectionOf(Store.ListUsersAsync(sid, 0, 10, online: true, Stop)),
            await RejectionOf(Store.ListUsersBeforeAsync(sid, 9, 10, online: null, Stop)),
            await RejectionOf(Store.ListBindingsBeforeAsync(sid, BindingFilter.All, 9, 10, Stop)),
            await RejectionOf(Store.ListKnownUsersAsync(sid, 0, 10, 0, 10, Stop)),
            await RejectionOf(Store.ListChangesAsync(sid, 0, 10, Stop)),
            await RejectionOf(Store.FindChangesAsync(sid, [Sample.Key(user)], 0, Stop)),
            await RejectionOf(Store.FindBindingAsync(sid, binding.Sid, Stop)),
            await RejectionOf(Store.ListBindingsAsync(sid, BindingFilter.All, 0, 10, Stop)),
            await RejectionOf(Store.ListBindingsAsync(sid, Of(Sample.Key(user)), 0, 10, Stop)),
            await RejectionOf(Store.FindTimelineEndAsync(service, service.Timeline, Stop)),
        ];
        Assert.All(reasons, reason => Assert.Equal(ErrorReason.ServiceInstanceNotFound, reason));
    }
}
