using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

public class ListPushBindingsTests
{
    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    private static readonly string Unknown = "US" + new string('f', 32);

    [Fact]
    public async Task Push_bindings_are_listed_for_the_named_users_and_types()
    {
        await using var server = await StartAsync();
        var service = await ServiceWithBindingsAsync(server);
        var carol = (await server.GetUserAsync(service, "carol")).Sid;

        Assert.Equal(["alice 1", "carol 1"],
            await ListAsync(server, new() { ServiceSid = service, BindingTypes = { BindingType.Apn, BindingType.Apn } }));
        Assert.Equal(
            ["alice 1", "alice 2", "carol 1", "carol 2"],
            await ListAsync(server, new() { ServiceSid = service, UserKeys = { carol, "alice", "alice", Unknown, "nobody" } }));
        Assert.Equal(
            ["alice 2", "bob 2", "carol 2"],
            await ListAsync(server,
                new() { ServiceSid = service, UserKey = "bob", UserKeys = { "alice", "carol" }, BindingTypes = { BindingType.Fcm } }));
        Assert.Empty(await ListAsync(server, new() { ServiceSid = service, UserKeys = { "nobody" } }));
    }

    [Fact]
    public async Task A_missing_user_that_must_exist_is_not_found()
    {
        await using var server = await StartAsync();
        var service = await ServiceWithBindingsAsync(server);

        var error = await CallError.Of(server.Users.ListPushBindingsAsync(
            new() { ServiceSid = service, UserKey = "nobody", UserKeys = { "alice" }, BindingTypes = { BindingType.Fcm } }));

        Assert.Equal((StatusCode.NotFound, "USER_NOT_FOUND"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task The_error_lists_every_violation_of_the_filter()
    {
        await using var server = await StartAsync();
        var request = new ListPushBindingsRequest
        {
            UserKey = new string('x', 257),
            UserKeys = { "alice", "" },
            BindingTypes = { BindingType.Apn, BindingType.Unspecified, (BindingType)77 },
        };

        Assert.Equal(
            ["service_sid", "binding_types[1]", "binding_types[2]", "user_key", "user_keys[1]"],
            (await CallError.Of(server.Users.ListPushBindingsAsync(request))).Fields);
        request = new ListPushBindingsRequest
        {
            ServiceSid = await server.CreateServiceAsync(),
            UserKeys = { Enumerable.Range(0, 50).Select(number => $"user-{number}") },
        };
        Assert.Empty(await ListAsync(server, request));
        request.UserKeys.Add("one more");
        var error = await CallError.Of(server.Users.ListPushBindingsAsync(request));
        Assert.Equal(("FIELD_TOO_LONG", "user_keys"), (error.Reason, Assert.Single(error.Fields)));
    }

    [Fact]
    public async Task A_page_token_is_valid_only_with_its_filter()
    {
        await using var server = await StartAsync();
        var service = await ServiceWithBindingsAsync(server);
        var request = new ListPushBindingsRequest
        {
            ServiceSid = service,
            PageSize = 2,
            UserKeys = { "carol", "alice" },
            BindingTypes = { BindingType.Fcm, BindingType.Apn },
        };

        var first = await server.Users.ListPushBindingsAsync(request);
        Assert.Equal(["alice 1", "alice 2"], first.PushBindings.Select(binding => binding.Endpoint));
        request.PageToken = first.NextPageToken;
        Assert.Equal(["carol 1", "carol 2"], await ListAsync(server, request));
        Action<ListPushBindingsRequest>[] changes =
        [
            other => other.UserKeys.Clear(),
            other => other.UserKeys.Add("bob"),
            other => other.UserKey = "bob",
            other => other.BindingTypes.Clear(),
            other => other.BindingTypes.Add(BindingType.Gcm),
        ];
        foreach (var change in changes)
        {
            var other = request.Clone();
            change(other);
            Assert.Equal("PAGE_TOKEN_INVALID", (await CallError.Of(server.Users.ListPushBindingsAsync(other))).Reason);
        }
    }

    /// <summary>
    /// Creates Alice, Bob and Carol. Each has two push bindings: "… 1" of type APN (GCM for Bob), and "… 2" of type FCM.
    /// </summary>
    private static async Task<string> ServiceWithBindingsAsync(TestServer server)
    {
        var service = await server.CreateServiceAsync();
        foreach (var user in new[] { "alice", "bob", "carol" })
        {
            await server.CreateUserAsync(service, user);
            await SetAsync(server, service, user, user == "bob" ? BindingType.Gcm : BindingType.Apn, 1);
            await SetAsync(server, service, user, BindingType.Fcm, 2);
        }
        return service;
    }

    private static async Task SetAsync(TestServer server, string service, string user, BindingType type, int number) =>
        await server.Users.SetPushBindingAsync(
            new() { ServiceSid = service, UserKey = user, BindingType = type, Endpoint = $"{user} {number}" });

    private static async Task<IEnumerable<string>> ListAsync(TestServer server, ListPushBindingsRequest request) =>
        (await server.Users.ListPushBindingsAsync(request)).PushBindings.Select(binding => binding.Endpoint);
}
