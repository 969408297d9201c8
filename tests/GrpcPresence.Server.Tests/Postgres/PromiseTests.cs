using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Postgres;

/// <summary>Tests promises that a whole server keeps on either store, from the wire to the disk and back.</summary>
public sealed class PromiseTests
{
    public static TheoryData<StoreKind> Kinds => [StoreKind.Sqlite, StoreKind.Postgres];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_watch_sees_each_change_once_and_resumes_across_a_restart(StoreKind kind)
    {
        await using var stored = await StoredServer.StartAsync(kind);
        var service = await stored.Server.CreateReachableServiceAsync();
        await stored.Server.CreateUserAsync(service, "ada");
        string token;
        using (var watch = Watch.Open(stored.Server, new WatchUsersRequest { ServiceSid = service }))
        {
            await watch.Sync();
            await stored.Server.BeatAsync(service, "ada");
            Assert.True((await watch.NextUpdate()).User.IsOnline);
            token = watch.Token;
        }

        await stored.Server.CreateUserAsync(service, "bob");
        await stored.Server.Users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = service, UserKey = "bob" });
        await stored.RestartAsync();
        await stored.Server.CreateUserAsync(service, "cay");

        using var resumed = Watch.Open(stored.Server, new WatchUsersRequest { ServiceSid = service, ResumeToken = token });
        var messages = await resumed.Sync();
        Assert.DoesNotContain(messages, message => message.Reset is not null);
        var updates = messages.SelectMany(message => message.Updates?.Updates ?? []).ToList();
        Assert.Equal(["bob", "cay"], updates.Select(update => update.User.Identity));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Sessions_go_on_across_a_restart_and_ended_ones_stay_ended(StoreKind kind)
    {
        await using var stored = await StoredServer.StartAsync(kind);
        var service = await stored.Server.CreateReachableServiceAsync();
        await stored.Server.BeatAsync(service, "ada", "s1");
        await stored.Server.BeatAsync(service, "ada", "s2");
        await stored.Server.EndAsync(service, "ada", "s1");

        await stored.RestartAsync();

        Assert.True((await stored.Server.GetUserAsync(service, "ada")).IsOnline);
        await stored.Server.BeatAsync(service, "ada", "s2");
        Assert.Equal("SESSION_ENDED", (await CallError.Of(stored.Server.BeatAsync(service, "ada", "s1"))).Reason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_was_acknowledged_is_there_after_a_restart(StoreKind kind)
    {
        await using var stored = await StoredServer.StartAsync(kind);
        var service = await stored.Server.CreateServiceAsync();
        foreach (var identity in (string[])["ada", "bob", "ü\U0001F600"])
            await stored.Server.CreateUserAsync(service, identity);
        var edited = await stored.Server.Users.UpdateUserAsync(new UpdateUserRequest
        {
            User = new User { ServiceSid = service, Identity = "ada", FriendlyName = "Ada", Attributes = "{\"a\":\"\\u0000\"}" },
            UpdateMask = FieldMask.FromString("friendly_name,attributes"),
        });

        await stored.RestartAsync();

        var users = (await stored.Server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = service, View = UserView.Full })).Users;
        Assert.Equal(["ada", "bob", "ü\U0001F600"], users.Select(user => user.Identity));
        Assert.Equal(edited.User, users[0]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_condition_on_an_etag_is_checked_where_the_data_is(StoreKind kind)
    {
        await using var stored = await StoredServer.StartAsync(kind);
        var service = await stored.Server.CreateServiceAsync();
        var user = await stored.Server.CreateUserAsync(service, "ada");
        await RenameAsync("first", user.Etag);

        var late = await CallError.Of(() => RenameAsync("second", user.Etag));

        Assert.Equal("ETAG_MISMATCH", late.Reason);
        Assert.Equal("first", (await stored.Server.GetUserAsync(service, "ada")).FriendlyName);

        async Task RenameAsync(string name, string etag) => await stored.Server.Users.UpdateUserAsync(new UpdateUserRequest
        {
            User = new User { ServiceSid = service, Identity = "ada", FriendlyName = name, Etag = etag },
            UpdateMask = FieldMask.FromString("friendly_name"),
        });
    }
}
