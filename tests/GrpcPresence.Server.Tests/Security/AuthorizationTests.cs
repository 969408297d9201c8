using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Grpc;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Every method × every kind of caller × the own and another service instance × the own and another identity, against expectations that are
/// written
/// down here a second time. A method that nobody has written down here fails.
/// </summary>
public sealed class AuthorizationTests(GuardedCallers callers) : IClassFixture<GuardedCallers>
{
    // The callers who may, of: A administrator, S service, R read, each of the whole deployment; a, s, r the same of one service instance;
    // e the end
    // user about herself, o the end user about somebody else. Everybody else is refused.
    private static readonly Dictionary<string, string> Allowed = new()
    {
        ["presence.v1.ConfigurationService.CreateServiceInstance"] = "A",
        ["presence.v1.ConfigurationService.GetServiceInstance"] = "ASRasr",
        ["presence.v1.ConfigurationService.UpdateServiceInstance"] = "Aa",
        ["presence.v1.ConfigurationService.ListServiceInstances"] = "ASR",
        ["presence.v1.ConfigurationService.DeleteServiceInstance"] = "A",
        ["presence.v1.ConfigurationService.GetConfiguration"] = "ASRasr",
        ["presence.v1.ConfigurationService.UpdateConfiguration"] = "Aa",
        ["presence.v1.ConfigurationService.GetWebhookConfiguration"] = "Aa",
        ["presence.v1.ConfigurationService.UpdateWebhookConfiguration"] = "Aa",
        ["presence.v1.ConfigurationService.GetNotificationConfiguration"] = "ASRasr",
        ["presence.v1.ConfigurationService.UpdateNotificationConfiguration"] = "Aa",
        ["presence.v1.ApiKeyService.CreateApiKey"] = "Aa",
        ["presence.v1.ApiKeyService.ListApiKeys"] = "Aa",
        ["presence.v1.ApiKeyService.RotateApiKey"] = "Aa",
        ["presence.v1.ApiKeyService.RevokeApiKey"] = "Aa",
        ["presence.v1.UserService.CreateUser"] = "ASas",
        ["presence.v1.UserService.GetUser"] = "ASRasreo",
        ["presence.v1.UserService.BatchGetUsers"] = "ASRasreo",
        ["presence.v1.UserService.ListUsers"] = "ASRasreo",
        ["presence.v1.UserService.UpdateUser"] = "ASase",
        ["presence.v1.UserService.DeleteUser"] = "ASas",
        ["presence.v1.UserService.Heartbeat"] = "ASase",
        ["presence.v1.UserService.StreamHeartbeats"] = "ASase",
        ["presence.v1.UserService.EndSession"] = "ASase",
        ["presence.v1.UserService.ListSessions"] = "ASRasr",
        ["presence.v1.UserService.SetPushBinding"] = "ASase",
        ["presence.v1.UserService.GetPushBinding"] = "ASRasre",
        ["presence.v1.UserService.DeletePushBinding"] = "ASase",
        ["presence.v1.UserService.ListPushBindings"] = "ASRasre",
        ["presence.v1.UserService.WatchUsers"] = "ASRasreo",
    };

    // Methods that name no service instance in the request, or one whose keys the caller may not see: another's is not told apart by it.
    private static readonly HashSet<string> OfDeployment = ["CreateServiceInstance", "ListServiceInstances", "DeleteServiceInstance"];

    public static TheoryData<string> Methods => [.. GrpcEndpoints.All
        .Where(service => service.FullName.StartsWith("presence.", StringComparison.Ordinal))
        .SelectMany(service => service.Methods)
        .Select(method => method.FullName)];

    /// <summary>Every method over gRPC, and over gRPC-Web those that it carries.</summary>
    public static TheoryData<string, WatchTransport> Calls
    {
        get
        {
            var calls = new TheoryData<string, WatchTransport>();
            foreach (string method in Methods)
            {
                calls.Add(method, WatchTransport.Grpc);
                if (method != "presence.v1.UserService.StreamHeartbeats")
                    calls.Add(method, WatchTransport.GrpcWeb);
            }
            return calls;
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Isolation_Each_caller_may_what_is_written_and_nothing_else(string method, WatchTransport transport)
    {
        Assert.True(Allowed.ContainsKey(method), $"Nobody has written down who may call {method}.");
        foreach (var (letter, caller) in callers.All)
        {
            var outcome = await callers.CallAsync(method, caller, callers.Own, letter == 'o' ? callers.Bob : callers.Alice, transport);
            if (Allowed[method].Contains(letter, StringComparison.Ordinal))
                Assert.True(outcome.IsLetIn, $"{letter} may call {method}, and got {outcome}.");
            else
                Assert.True(outcome.IsRefused, $"{letter} may not call {method}, and got {outcome}.");
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Isolation_Another_service_instance_does_not_exist(string method, WatchTransport transport)
    {
        if (OfDeployment.Contains(method.Split('.')[^1]))
            return;
        foreach (var (letter, caller) in callers.Scoped)
        {
            var foreign = await callers.CallAsync(method, caller, callers.Foreign, callers.Alice, transport);
            var absent = await callers.CallAsync(method, caller, callers.Absent, callers.Alice, transport);

            Assert.True(foreign.IsNotFound || foreign.IsRefused, $"{letter} got {foreign} from {method} of another service instance.");
            Assert.Equal(foreign.WithoutSids(), absent.WithoutSids());
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Isolation_Nobody_calls_without_credentials(string method, WatchTransport transport)
    {
        var outcome = await callers.CallAsync(method, authorization: null, callers.Own, callers.Alice, transport);

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_REQUIRED"), (outcome.Code, outcome.Reason));
    }

    [Fact]
    public void Isolation_The_table_has_a_row_for_every_method_and_no_other()
    {
        var served = GrpcEndpoints.All.SelectMany(service => service.Methods).Select(method => $"/{method.Service.FullName}/{method.Name}");

        Assert.Equal(served.Order(), AuthorizationTable.All.Select(rule => rule.Method).Order());
    }

    [Fact]
    public void Isolation_A_method_without_a_row_is_not_served()
    {
        Assert.Throws<InvalidOperationException>(() => AuthorizationTable.Get<Empty>("/presence.v1.UserService/Nonsense"));
        Assert.Throws<InvalidOperationException>(() => AuthorizationTable.Get<Empty>("/presence.v1.UserService/GetUser"));
    }

    [Fact]
    public async Task Isolation_An_end_user_is_herself_by_her_SID_too()
    {
        var alice = await callers.Guarded.UsersAs(callers.EndUser).GetUserAsync(
            new GetUserRequest { ServiceSid = callers.Own, UserKey = callers.Alice });
        var bob = await callers.Guarded.UsersAs(callers.EndUser).GetUserAsync(
            new GetUserRequest { ServiceSid = callers.Own, UserKey = callers.Bob });

        Assert.True((await callers.CallAsync("presence.v1.UserService.Heartbeat", callers.EndUser, callers.Own, alice.User.Sid)).IsLetIn);
        Assert.True((await callers.CallAsync("presence.v1.UserService.Heartbeat", callers.EndUser, callers.Own, bob.User.Sid)).IsRefused);
        Assert.True((await callers.CallAsync("presence.v1.UserService.Heartbeat", callers.EndUser, callers.Own,
            "US" + new string('0', 32))).IsRefused);
        Assert.True((await callers.CallAsync("presence.v1.UserService.StreamHeartbeats", callers.EndUser, callers.Own,
            bob.User.Sid)).IsRefused);
    }

    [Theory]
    [InlineData("role_sid")]
    [InlineData("friendly_name,role_sid")]
    public async Task Isolation_An_end_user_does_not_change_her_role(string mask)
    {
        var request = new UpdateUserRequest
        {
            User = new User { ServiceSid = callers.Own, Identity = callers.Alice, RoleSid = "RL" + new string('0', 32) },
            UpdateMask = FieldMask.FromString(mask),
        };

        Assert.Equal("PERMISSION_DENIED", (await CallError.Of(callers.Guarded.UsersAs(callers.EndUser).UpdateUserAsync(request))).Reason);
    }

    [Fact]
    public async Task Isolation_An_end_user_does_not_keep_webhooks_from_being_told()
    {
        var request = new UpdateUserRequest
        {
            User = new User { ServiceSid = callers.Own, Identity = callers.Alice, FriendlyName = "quiet" },
            UpdateMask = FieldMask.FromString("friendly_name"),
            SkipWebhooks = true,
        };

        Assert.Equal("PERMISSION_DENIED", (await CallError.Of(callers.Guarded.UsersAs(callers.EndUser).UpdateUserAsync(request))).Reason);
        await callers.Guarded.UsersAs(callers.All['s']).UpdateUserAsync(request);
    }

    [Fact]
    public async Task Isolation_Everybodys_push_bindings_are_not_an_end_users()
    {
        var users = callers.Guarded.UsersAs(callers.EndUser);
        ListPushBindingsRequest[] refused =
        [
            new() { ServiceSid = callers.Own },
            new() { ServiceSid = callers.Own, BindingTypes = { BindingType.Apn } },
            new() { ServiceSid = callers.Own, UserKeys = { callers.Bob } },
            new() { ServiceSid = callers.Own, UserKeys = { callers.Alice, callers.Bob } },
            new() { ServiceSid = callers.Own, UserKey = callers.Alice, UserKeys = { callers.Bob } },
            new() { ServiceSid = callers.Own, UserKeys = { "" } },
        ];

        foreach (var request in refused)
            Assert.Equal("PERMISSION_DENIED", (await CallError.Of(users.ListPushBindingsAsync(request))).Reason);
        await users.ListPushBindingsAsync(new() { ServiceSid = callers.Own, UserKeys = { callers.Alice } });
        await users.ListPushBindingsAsync(new() { ServiceSid = callers.Own, UserKey = callers.Alice, UserKeys = { callers.Alice } });
    }

    [Fact]
    public async Task Isolation_Page_and_resume_tokens_of_another_service_instance_are_refused()
    {
        var guarded = callers.Guarded;
        var users = guarded.UsersAs(guarded.Admin);
        var page = await users.ListUsersAsync(new ListUsersRequest { ServiceSid = callers.Own, PageSize = 1 });
        using var watch = new GrpcWatch(users.WatchUsers(new WatchUsersRequest { ServiceSid = callers.Own }));
        await watch.Sync();

        var listing = await CallError.Of(users.ListUsersAsync(
            new ListUsersRequest { ServiceSid = callers.Foreign, PageSize = 1, PageToken = page.NextPageToken }));
        using var resumed = new GrpcWatch(
            users.WatchUsers(new WatchUsersRequest { ServiceSid = callers.Foreign, ResumeToken = watch.Token }));

        Assert.Equal("PAGE_TOKEN_INVALID", listing.Reason);
        Assert.Equal("RESUME_TOKEN_INVALID", (await resumed.Ended()).Reason);
    }
}
