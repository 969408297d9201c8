using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Push bindings.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task A_push_binding_comes_back_as_it_was_inserted()
    {
        var (service, users) = WithUsers(1);
        var given = Sample.Binding(1, users[0]) with { Type = BindingType.Apn, Endpoint = "naïve \0 endpoint 🙂" };

        var inserted = Write(session => session.InsertBinding(service.Id, users[0].Id, given));

        Assert.True(inserted.Id > 0);
        Assert.Equal(given with { Id = inserted.Id }, inserted);
        Assert.Equal(inserted, await Store.FindBindingAsync(service.Sid, inserted.Sid, Stop));
        var read = Session.Read(service.Sid, keys =>
        {
            keys.AddBinding(inserted.Sid);
            keys.AddBinding(inserted.Type, inserted.Endpoint);
        });
        Assert.Equal([new OwnedBinding(inserted, users[0])], read.Bindings);
        Assert.Equal([new OwnedBinding(inserted, users[0])], read.BindingsByAddress);
    }

    [Fact]
    public async Task A_push_binding_that_does_not_exist_is_null()
    {
        var (service, users) = WithUsers(1);
        var (other, _) = WithUsers(1, number: 2);
        var binding = Write(session => session.InsertBinding(service.Id, users[0].Id, Sample.Binding(1, users[0])));

        Assert.Null(await Store.FindBindingAsync(service.Sid, Sample.BindingSid(2), Stop));
        Assert.Null(await Store.FindBindingAsync(other.Sid, binding.Sid, Stop));
        var read = Session.Read(service.Sid, keys =>
        {
            keys.AddBinding(Sample.BindingSid(2));
            keys.AddBinding(BindingType.Apn, binding.Endpoint);
            keys.AddBinding(binding.Type, binding.Endpoint + "?");
        });
        Assert.Equal([null], read.Bindings);
        Assert.Equal([null, null], read.BindingsByAddress);
        read = Session.Read(other.Sid, keys =>
        {
            keys.AddBinding(binding.Sid);
            keys.AddBinding(binding.Type, binding.Endpoint);
        });
        Assert.Equal([null], read.Bindings);
        Assert.Equal([null], read.BindingsByAddress);
    }

    [Fact]
    public async Task Push_bindings_leave_the_record_of_their_user_alone()
    {
        var (service, users) = WithUsers(2);

        var binding = Write(session => session.InsertBinding(service.Id, users[0].Id, Sample.Binding(1, users[0])));
        Write(session => session.MoveBinding(binding with { UserSid = users[1].Sid, Identity = users[1].Identity }, users[1].Id));
        Write(session => session.DeleteBinding(binding));

        Assert.Equal(users[0], await FindUser(service, Sample.Key(users[0])));
        Assert.Equal(users[1], await FindUser(service, Sample.Key(users[1])));
    }

    [Fact]
    public async Task A_moved_push_binding_is_the_other_users_and_is_else_the_same()
    {
        var (service, users) = WithUsers(2);
        var binding = Write(session => session.InsertBinding(service.Id, users[0].Id, Sample.Binding(1, users[0])));
        var moved = binding with { UserSid = users[1].Sid, Identity = users[1].Identity };

        Write(session => session.MoveBinding(moved, users[1].Id));

        Assert.Equal(moved, await Store.FindBindingAsync(service.Sid, binding.Sid, Stop));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, Of(Sample.Key(users[0])), 0, 10, Stop));
        Assert.Equal([moved], await Store.ListBindingsAsync(service.Sid, Of(Sample.SidKey(users[1])), 0, 10, Stop));
    }

    [Fact]
    public async Task A_deleted_push_binding_is_gone_and_its_address_is_free()
    {
        var (service, users) = WithUsers(1);
        var binding = Write(session => session.InsertBinding(service.Id, users[0].Id, Sample.Binding(1, users[0])));

        var next = Write(session =>
        {
            session.DeleteBinding(binding);
            return session.InsertBinding(service.Id, users[0].Id, Sample.Binding(2, users[0]) with { Endpoint = binding.Endpoint });
        });

        Assert.Null(await Store.FindBindingAsync(service.Sid, binding.Sid, Stop));
        Assert.Equal([next], await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop));
        Assert.True(next.Id > binding.Id);
    }

    [Fact]
    public async Task Push_bindings_of_one_user_or_of_all_are_listed_by_ascending_key()
    {
        var (service, users) = WithUsers(2);
        var (other, others) = WithUsers(1, number: 2);
        Write(session => session.InsertBinding(other.Id, others[0].Id, Sample.Binding(50, others[0])));
        var all = Enumerable.Range(1, 6)
            .Select(n => Write(session => session.InsertBinding(service.Id, users[n % 2].Id, Sample.Binding(10 - n, users[n % 2]))))
            .ToList();

        Assert.Equal(all, await Store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 10, Stop));
        Assert.Equal(all[2..4], await Store.ListBindingsAsync(service.Sid, BindingFilter.All, all[1].Id, 2, Stop));
        Assert.Equal([all[1], all[3], all[5]], await Store.ListBindingsAsync(service.Sid, Of(Sample.Key(users[0])), 0, 10, Stop));
        Assert.Equal([all[3]], await Store.ListBindingsAsync(service.Sid, Of(Sample.SidKey(users[0])), all[1].Id, 1, Stop));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, BindingFilter.All, all[5].Id, 10, Stop));
        Assert.Equal([all[3], all[2]], await Store.ListBindingsBeforeAsync(service.Sid, BindingFilter.All, all[4].Id, 2, Stop));
        Assert.Equal([all[3], all[1]], await Store.ListBindingsBeforeAsync(service.Sid, Of(Sample.Key(users[0])), all[5].Id, 10, Stop));
        Assert.Empty(await Store.ListBindingsBeforeAsync(service.Sid, BindingFilter.All, all[0].Id, 10, Stop));
    }

    [Fact]
    public async Task Push_bindings_of_an_unknown_user_are_rejected()
    {
        var (service, _) = WithUsers(1);
        var (other, others) = WithUsers(1, number: 2);

        Assert.Equal(
            ErrorReason.UserNotFound,
            await RejectionOf(Store.ListBindingsAsync(service.Sid, Of(new UserKey(Sample.Identity(999))), 0, 10, Stop)));
        Assert.Equal(
            ErrorReason.UserNotFound,
            await RejectionOf(Store.ListBindingsAsync(service.Sid, Of(Sample.SidKey(others[0])), 0, 10, Stop)));
        Assert.NotEqual(service.Id, other.Id);
    }

    [Fact]
    public async Task Push_bindings_of_several_users_are_listed_together_and_unknown_users_have_none()
    {
        var (service, users) = WithUsers(3);
        var (_, others) = WithUsers(1, number: 2);
        var all = AddBindings(service, users);
        var named = new BindingFilter
        {
            Users =
            [
                Sample.SidKey(users[2]), Sample.Key(users[0]), Sample.Key(users[2]), new UserKey(Sample.Identity(999)),
                Sample.SidKey(others[0]),
            ],
        };

        Assert.Equal([all[0], all[2], all[3], all[5]], await Store.ListBindingsAsync(service.Sid, named, 0, 10, Stop));
        Assert.Equal([all[2], all[3]], await Store.ListBindingsAsync(service.Sid, named, all[0].Id, 2, Stop));
        Assert.Equal(all, await Store.ListBindingsAsync(service.Sid, named with { User = Sample.Key(users[1]) }, 0, 10, Stop));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, named with { Users = [new UserKey(Sample.Identity(999))] }, 0, 10, Stop));
        Assert.Equal(
            ErrorReason.UserNotFound,
            await RejectionOf(Store.ListBindingsAsync(service.Sid, named with { User = new UserKey(Sample.Identity(999)) }, 0, 10, Stop)));
    }

    [Fact]
    public async Task Push_bindings_are_listed_of_some_types()
    {
        var (service, users) = WithUsers(2);
        var (other, others) = WithUsers(1, number: 2);
        Write(session =>
            session.InsertBinding(other.Id, others[0].Id, Sample.Binding(50, others[0]) with { Type = BindingType.Apn }));
        var all = AddBindings(service, users); // users 0, 1, 0, 1, 0, 1; of the types Apn, Fcm, Gcm, Apn, Fcm, Gcm
        var mobile = new BindingFilter { Types = [BindingType.Gcm, BindingType.Apn] };

        Assert.Equal([all[0], all[2], all[3], all[5]], await Store.ListBindingsAsync(service.Sid, mobile, 0, 10, Stop));
        Assert.Equal([all[2], all[3]], await Store.ListBindingsAsync(service.Sid, mobile, all[0].Id, 2, Stop));
        Assert.Equal([all[3], all[2]], await Store.ListBindingsBeforeAsync(service.Sid, mobile, all[5].Id, 2, Stop));
        Assert.Equal(
            [all[0], all[2]], await Store.ListBindingsAsync(service.Sid, mobile with { User = Sample.Key(users[0]) }, 0, 10, Stop));
        Assert.Equal([all[3]], await Store.ListBindingsAsync(service.Sid, mobile with { Users = [Sample.SidKey(users[1])] }, 0, 1, Stop));
        Assert.Empty(await Store.ListBindingsAsync(service.Sid, new BindingFilter { Types = [BindingType.WebPush] }, 0, 10, Stop));
    }

    private static BindingFilter Of(UserKey user) => new() { User = user };

    /// <summary>Adds six push bindings, which cycle through the users and three types.</summary>
    private List<PushBinding> AddBindings(ServiceRecord service, List<UserRecord> users) =>
    [
        .. Enumerable.Range(0, 6)
            .Select(n => (Number: n, User: users[n % users.Count]))
            .Select(next => Write(session => session.InsertBinding(
                service.Id,
                next.User.Id,
                Sample.Binding(10 - next.Number, next.User) with { Type = BindingType.Apn + (next.Number % 3) }))),
    ];

    private (ServiceRecord Service, List<UserRecord> Users) WithUsers(int count, int number = 1)
    {
        var service = AddService(number, 20);
        var users = Enumerable.Range(1, count).Select(n => AddUser(service, Sample.User((100 * number) + n, n + 1))).ToList();
        return (service, users);
    }
}
