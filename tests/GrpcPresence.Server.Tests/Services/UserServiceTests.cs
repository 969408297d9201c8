using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

public class UserServiceTests
{
    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    [Fact]
    public async Task A_user_is_created_read_updated_and_deleted()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        var created = await server.CreateUserAsync(service, "alice");
        Assert.Equal((service, "alice", "{}", 1L), (created.ServiceSid, created.Identity, created.Attributes, created.Revision));
        Assert.Equal(created, (await server.Users.GetUserAsync(new() { ServiceSid = service, UserKey = "alice" })).User);
        Assert.Equal(created, (await server.Users.GetUserAsync(new() { ServiceSid = service, UserKey = created.Sid })).User);

        var edited = new User { ServiceSid = service, Sid = created.Sid, Identity = "alice", Etag = created.Etag, FriendlyName = "Alice" };
        var update = new UpdateUserRequest { User = edited, UpdateMask = new FieldMask { Paths = { "friendly_name" } } };
        var updated = (await server.Users.UpdateUserAsync(update)).User;
        Assert.Equal(("Alice", 2L), (updated.FriendlyName, updated.Revision));

        var stale = await CallError.Of(
            server.Users.DeleteUserAsync(new() { ServiceSid = service, UserKey = "alice", Etag = created.Etag }));
        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"), (stale.Code, stale.Reason));

        await server.Users.DeleteUserAsync(new() { ServiceSid = service, UserKey = "alice", Etag = updated.Etag });
        var error = await CallError.Of(server.Users.GetUserAsync(new() { ServiceSid = service, UserKey = "alice" }));
        Assert.Equal((StatusCode.NotFound, "USER_NOT_FOUND"), (error.Code, error.Reason));
        Assert.Equal("alice", error.Metadata["user_key"]);
    }

    [Fact]
    public async Task A_sid_and_an_identity_of_different_users_contradict_each_other()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        var alice = await server.CreateUserAsync(service, "alice");
        await server.CreateUserAsync(service, "bob");

        var error = await CallError.Of(server.Users.UpdateUserAsync(new()
        {
            User = new User { ServiceSid = service, Sid = alice.Sid, Identity = "bob" },
            UpdateMask = new FieldMask { Paths = { "attributes" } },
        }));

        Assert.Equal((StatusCode.InvalidArgument, "FIELD_INVALID"), (error.Code, error.Reason));
        Assert.Equal(["user.identity"], error.Fields);
    }

    [Fact]
    public async Task An_identity_that_is_taken_is_rejected()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        await server.CreateUserAsync(service, "alice");

        var error = await CallError.Of(server.Users.CreateUserAsync(new() { ServiceSid = service, Identity = "alice" }));

        Assert.Equal((StatusCode.AlreadyExists, "USER_ALREADY_EXISTS"), (error.Code, error.Reason));
        Assert.Equal("alice", error.Metadata["identity"]);
    }

    [Fact]
    public async Task A_batch_returns_the_existing_users_and_the_keys_of_the_missing_ones()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        var alice = await server.CreateUserAsync(service, "alice");
        var bob = await server.CreateUserAsync(service, "bob");
        var unknownSid = "US" + new string('F', 32);

        var batch = await server.Users.BatchGetUsersAsync(new()
        {
            ServiceSid = service,
            UserKeys = { "carol", bob.Sid, "alice", unknownSid, alice.Sid, "carol" },
        });

        Assert.Equal([bob, alice], batch.Users);
        Assert.Equal(["carol", unknownSid], batch.MissingUserKeys);
    }

    [Fact]
    public async Task Users_are_listed_page_by_page_without_reachability()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        string[] identities = ["a", "b", "c", "d"];
        foreach (var identity in identities)
            await server.CreateUserAsync(service, identity);

        var first = await server.Users.ListUsersAsync(new() { ServiceSid = service, PageSize = 2 });
        var second = await server.Users.ListUsersAsync(new() { ServiceSid = service, PageSize = 2, PageToken = first.NextPageToken });

        Assert.Equal(identities, first.Users.Concat(second.Users).Select(user => user.Identity));
        Assert.Empty(second.NextPageToken);
    }

    [Fact]
    public async Task A_filtered_list_is_read_backwards_with_the_same_filter()
    {
        await using var server = await StartAsync();
        var service = await server.CreateReachableServiceAsync();
        foreach (var identity in new[] { "a", "b", "c", "d", "e" })
        {
            await server.BeatAsync(service, identity);
            if (identity is "b" or "d")
                await server.EndAsync(service, identity);
        }
        ListUsersRequest Of(string token) => new() { ServiceSid = service, PageSize = 1, PageToken = token, Online = true };

        var first = await server.Users.ListUsersAsync(Of(""));
        var second = await server.Users.ListUsersAsync(Of(first.NextPageToken));
        var third = await server.Users.ListUsersAsync(Of(second.NextPageToken));
        var back = await server.Users.ListUsersAsync(Of(third.PreviousPageToken));
        var start = await server.Users.ListUsersAsync(Of(back.PreviousPageToken));

        Assert.Equal(
            ["a", "c", "e", "c", "a"], new[] { first, second, third, back, start }.Select(page => page.Users.Single().Identity));
        Assert.Equal(("", ""), (start.PreviousPageToken, first.PreviousPageToken));
        var unfiltered = new ListUsersRequest { ServiceSid = service, PageToken = third.PreviousPageToken };
        Assert.Equal("PAGE_TOKEN_INVALID", (await CallError.Of(server.Users.ListUsersAsync(unfiltered))).Reason);
    }

    [Fact]
    public async Task A_page_token_of_another_filter_or_service_instance_is_rejected()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        var other = await server.CreateServiceAsync();
        await server.CreateUserAsync(service, "a");
        await server.CreateUserAsync(service, "b");
        var token = (await server.Users.ListUsersAsync(new() { ServiceSid = service, PageSize = 1 })).NextPageToken;

        CallError[] errors =
        [
            await CallError.Of(server.Users.ListUsersAsync(new() { ServiceSid = other, PageToken = token })),
            await CallError.Of(server.Users.ListUsersAsync(new() { ServiceSid = service, PageToken = token, Online = false })),
            await CallError.Of(server.Users.ListPushBindingsAsync(new() { ServiceSid = service, PageToken = token })),
            await CallError.Of(server.Configuration.ListServiceInstancesAsync(new() { PageToken = token })),
        ];

        Assert.All(errors, error => Assert.Equal((StatusCode.InvalidArgument, "PAGE_TOKEN_INVALID"), (error.Code, error.Reason)));
        Assert.All(errors, error => Assert.Equal(["page_token"], error.Fields));
    }

    [Fact]
    public async Task A_push_binding_is_set_read_listed_moved_and_deleted()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        var alice = await server.CreateUserAsync(service, "alice");
        await server.CreateUserAsync(service, "bob");
        var request = new SetPushBindingRequest
        {
            ServiceSid = service,
            UserKey = "bob",
            BindingType = BindingType.Fcm,
            Endpoint = "token"
        };
        var bobs = (await server.Users.SetPushBindingAsync(request)).PushBinding;

        request.UserKey = alice.Sid;
        var moved = (await server.Users.SetPushBindingAsync(request)).PushBinding;
        Assert.Equal((bobs.Sid, "alice", BindingType.Fcm), (moved.Sid, moved.Identity, moved.BindingType));
        var byIdentity = await server.Users.ListPushBindingsAsync(new() { ServiceSid = service, UserKey = "alice" });
        Assert.Equal([moved], byIdentity.PushBindings);
        Assert.Equal([moved], (await server.Users.ListPushBindingsAsync(new() { ServiceSid = service })).PushBindings);
        Assert.Empty((await server.Users.ListPushBindingsAsync(new() { ServiceSid = service, UserKey = "bob" })).PushBindings);

        var name = new GetPushBindingRequest { ServiceSid = service, PushBindingSid = moved.Sid };
        Assert.Equal(moved, (await server.Users.GetPushBindingAsync(name)).PushBinding);
        await server.Users.DeletePushBindingAsync(new() { ServiceSid = service, PushBindingSid = moved.Sid });
        var error = await CallError.Of(server.Users.GetPushBindingAsync(name));
        Assert.Equal((StatusCode.NotFound, "PUSH_BINDING_NOT_FOUND"), (error.Code, error.Reason));
        Assert.Equal(moved.Sid, error.Metadata["push_binding_sid"]);
    }

    [Fact]
    public async Task Unlinkable_an_end_user_that_takes_the_address_of_another_learns_nothing_of_the_former_owner()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var (backEnd, alice) = (guarded.UsersAs(GuardedServer.Basic(key)), guarded.UsersAs(guarded.Bearer(key, "alice")));
        await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "alice" });
        await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "bob" });
        var request = new SetPushBindingRequest
        {
            ServiceSid = guarded.Own,
            UserKey = "bob",
            BindingType = BindingType.Fcm,
            Endpoint = "token",
        };
        var bobs = (await backEnd.SetPushBindingAsync(request)).PushBinding;
        guarded.Time.Advance(TimeSpan.FromMinutes(1));

        request.UserKey = "alice";
        var taken = (await alice.SetPushBindingAsync(request)).PushBinding;

        Assert.NotEqual(bobs.Sid, taken.Sid);
        Assert.Equal((guarded.Time.GetUtcNow(), "alice"), (taken.CreateTime.ToDateTimeOffset(), taken.Identity));
        var left = await backEnd.ListPushBindingsAsync(new ListPushBindingsRequest { ServiceSid = guarded.Own });
        Assert.Equal([taken], left.PushBindings);
        Assert.False((await backEnd.GetUserAsync(new GetUserRequest { ServiceSid = guarded.Own, UserKey = "bob" })).User.IsNotifiable);
        var error = await CallError.Of(alice.GetPushBindingAsync(new() { ServiceSid = guarded.Own, PushBindingSid = bobs.Sid }));
        Assert.Equal("PUSH_BINDING_NOT_FOUND", error.Reason);
    }

    [Fact]
    public async Task The_51st_push_binding_of_a_user_is_rejected()
    {
        await using var server = await StartAsync();
        var service = await server.CreateServiceAsync();
        await server.CreateUserAsync(service, "alice");
        var request = new SetPushBindingRequest { ServiceSid = service, UserKey = "alice", BindingType = BindingType.Apn };
        for (var i = 0; i < 50; i++)
        {
            request.Endpoint = $"token {i}";
            await server.Users.SetPushBindingAsync(request);
        }

        request.Endpoint = "one more";
        var error = await CallError.Of(server.Users.SetPushBindingAsync(request));

        Assert.Equal((StatusCode.ResourceExhausted, "PUSH_BINDING_LIMIT_EXCEEDED"), (error.Code, error.Reason));
        Assert.Equal("50", error.Metadata["limit"]);
    }
}
