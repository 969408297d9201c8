using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Grpc;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using static GrpcPresence.Server.Tests.Security.EndUserTarget;
using static GrpcPresence.V1.ApiKeyRole;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests every method with every kind of caller, for the caller's own and another service instance, and for the caller's own and another
/// identity. The matrix repeats the expectations on purpose. A method without a row in the matrix fails.
/// </summary>
public sealed class AuthorizationTests(GuardedCallers callers) : IClassFixture<GuardedCallers>
{
    // Lists the callers that may call each method. The server must reject all others.
    private static readonly Dictionary<string, ExpectedAccess> Matrix = new()
    {
        ["presence.v1.ConfigurationService.CreateServiceInstance"] = new(DeploymentKeys: [Admin], InstanceKeys: [], EndUser: []),
        ["presence.v1.ConfigurationService.GetServiceInstance"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: []),
        ["presence.v1.ConfigurationService.UpdateServiceInstance"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.ListServiceInstances"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [], EndUser: []),
        ["presence.v1.ConfigurationService.DeleteServiceInstance"] = new(DeploymentKeys: [Admin], InstanceKeys: [], EndUser: []),
        ["presence.v1.ConfigurationService.GetConfiguration"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: []),
        ["presence.v1.ConfigurationService.UpdateConfiguration"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.GetWebhookConfiguration"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.GetWebhookSigningSecrets"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.RotateWebhookSigningSecret"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.UpdateWebhookConfiguration"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ConfigurationService.GetNotificationConfiguration"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: []),
        ["presence.v1.ConfigurationService.UpdateNotificationConfiguration"] =
            new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ApiKeyService.CreateApiKey"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ApiKeyService.ListApiKeys"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ApiKeyService.RotateApiKey"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.ApiKeyService.RevokeApiKey"] = new(DeploymentKeys: [Admin], InstanceKeys: [Admin], EndUser: []),
        ["presence.v1.UserService.CreateUser"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: []),
        ["presence.v1.UserService.GetUser"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self, Other]),
        ["presence.v1.UserService.BatchGetUsers"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self, Other]),
        ["presence.v1.UserService.ListUsers"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self, Other]),
        ["presence.v1.UserService.UpdateUser"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.DeleteUser"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: []),
        ["presence.v1.UserService.Heartbeat"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.StreamHeartbeats"] =
            new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.EndSession"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.ListSessions"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: []),
        ["presence.v1.UserService.SetPushBinding"] = new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.GetPushBinding"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self]),
        ["presence.v1.UserService.DeletePushBinding"] =
            new(DeploymentKeys: [Admin, Service], InstanceKeys: [Admin, Service], EndUser: [Self]),
        ["presence.v1.UserService.ListPushBindings"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self]),
        ["presence.v1.UserService.WatchUsers"] =
            new(DeploymentKeys: [Admin, Service, Read], InstanceKeys: [Admin, Service, Read], EndUser: [Self, Other]),
    };

    // The requests of these methods either name no service instance or need a key of the whole deployment.
    // So they cannot show whether another service instance exists.
    private static readonly HashSet<string> OfDeployment = ["CreateServiceInstance", "ListServiceInstances", "DeleteServiceInstance"];

    public static TheoryData<string> Methods => [.. GrpcEndpoints.All
        .Where(service => service.FullName.StartsWith("presence.", StringComparison.Ordinal))
        .SelectMany(service => service.Methods)
        .Select(method => method.FullName)];

    public static TheoryData<ApiKeyRole> Roles => [.. System.Enum.GetValues<ApiKeyRole>().Where(role => role != Unspecified)];

    /// <summary>Every method over gRPC, and over gRPC-Web every method that gRPC-Web can carry.</summary>
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
    public async Task Isolation_Each_caller_may_do_only_what_its_row_allows(string method, WatchTransport transport)
    {
        Assert.True(Matrix.TryGetValue(method, out var expected), $"The authorization matrix has no row for {method}.");
        foreach (var (kind, credentials) in callers.All)
        {
            var user = kind == TestCaller.EndUserAboutOther ? callers.Bob : callers.Alice;
            var outcome = await callers.CallAsync(method, credentials, callers.Own, user, transport);
            if (expected.Allows(kind))
                Assert.True(outcome.IsAccepted, $"{kind} may call {method}, but the call ended with {outcome}.");
            else
                Assert.True(outcome.IsRejected, $"{kind} must not call {method}, but the call ended with {outcome}.");
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Isolation_Another_service_instance_looks_as_if_it_did_not_exist(string method, WatchTransport transport)
    {
        if (OfDeployment.Contains(method.Split('.')[^1]))
            return;
        foreach (var (kind, credentials) in callers.Scoped)
        {
            var foreign = await callers.CallAsync(method, credentials, callers.Foreign, callers.Alice, transport);
            var absent = await callers.CallAsync(method, credentials, callers.Absent, callers.Alice, transport);

            Assert.True(
                foreign.IsNotFound || foreign.IsRejected,
                $"{kind} called {method} for another service instance, and the call ended with {foreign}.");
            Assert.Equal(foreign.WithoutSids(), absent.WithoutSids());
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Isolation_A_call_without_credentials_is_rejected(string method, WatchTransport transport)
    {
        var outcome = await callers.CallAsync(method, authorization: null, callers.Own, callers.Alice, transport);

        Assert.Equal((StatusCode.Unauthenticated, "CREDENTIALS_REQUIRED"), (outcome.Code, outcome.Reason));
    }

    [Fact]
    public void Isolation_The_authorization_table_has_exactly_one_row_for_every_method()
    {
        var served = GrpcEndpoints.All.SelectMany(service => service.Methods).Select(method => $"/{method.Service.FullName}/{method.Name}");

        Assert.Equal(served.Order(), AuthorizationTable.All.Select(rule => rule.Method).Order());
    }

    [Theory]
    [MemberData(nameof(Roles))]
    public void Isolation_Every_role_of_API_keys_has_a_caller_for_each_scope_and_rows_in_the_matrix(ApiKeyRole role)
    {
        foreach (var name in new[] { $"Deployment{role}Key", $"Instance{role}Key" })
        {
            Assert.True(
                System.Enum.TryParse(name, out TestCaller caller) && callers.All.ContainsKey(caller),
                $"{name} is missing in {nameof(TestCaller)} or {nameof(GuardedCallers)}.");
            Assert.Contains(Matrix.Values, row => row.Allows(caller));
        }
    }

    [Fact]
    public void Isolation_A_method_without_a_row_is_not_served()
    {
        Assert.Throws<InvalidOperationException>(() => AuthorizationTable.Get<Empty>("/presence.v1.UserService/Nonsense"));
        Assert.Throws<InvalidOperationException>(() => AuthorizationTable.Get<Empty>("/presence.v1.UserService/GetUser"));
    }

    [Fact]
    public async Task Isolation_An_end_user_may_name_herself_by_her_SID()
    {
        var alice = await callers.Guarded.UsersAs(callers.EndUser).GetUserAsync(
            new GetUserRequest { ServiceSid = callers.Own, UserKey = callers.Alice });
        var bob = await callers.Guarded.UsersAs(callers.EndUser).GetUserAsync(
            new GetUserRequest { ServiceSid = callers.Own, UserKey = callers.Bob });

        Assert.True((await BeatAsync("Heartbeat", alice.User.Sid)).IsAccepted);
        Assert.True((await BeatAsync("Heartbeat", bob.User.Sid)).IsRejected);
        Assert.True((await BeatAsync("Heartbeat", "US" + new string('0', 32))).IsRejected);
        Assert.True((await BeatAsync("StreamHeartbeats", bob.User.Sid)).IsRejected);

        Task<AccessOutcome> BeatAsync(string method, string user) =>
            callers.CallAsync($"presence.v1.UserService.{method}", callers.EndUser, callers.Own, user);
    }

    [Theory]
    [InlineData("role_sid")]
    [InlineData("friendly_name,role_sid")]
    public async Task Isolation_An_end_user_cannot_change_her_role(string mask)
    {
        var request = new UpdateUserRequest
        {
            User = new User { ServiceSid = callers.Own, Identity = callers.Alice, RoleSid = "RL" + new string('0', 32) },
            UpdateMask = FieldMask.FromString(mask),
        };

        Assert.Equal("PERMISSION_DENIED", (await CallError.Of(callers.Guarded.UsersAs(callers.EndUser).UpdateUserAsync(request))).Reason);
    }

    [Fact]
    public async Task Isolation_An_end_user_cannot_skip_webhooks()
    {
        var request = new UpdateUserRequest
        {
            User = new User { ServiceSid = callers.Own, Identity = callers.Alice, FriendlyName = "quiet" },
            UpdateMask = FieldMask.FromString("friendly_name"),
            SkipWebhooks = true,
        };

        Assert.Equal("PERMISSION_DENIED", (await CallError.Of(callers.Guarded.UsersAs(callers.EndUser).UpdateUserAsync(request))).Reason);
        await callers.Guarded.UsersAs(callers.All[TestCaller.InstanceServiceKey]).UpdateUserAsync(request);
    }

    [Fact]
    public async Task Isolation_An_end_user_cannot_list_push_bindings_of_other_users()
    {
        var users = callers.Guarded.UsersAs(callers.EndUser);
        ListPushBindingsRequest[] rejected =
        [
            new() { ServiceSid = callers.Own },
            new() { ServiceSid = callers.Own, BindingTypes = { BindingType.Apn } },
            new() { ServiceSid = callers.Own, UserKeys = { callers.Bob } },
            new() { ServiceSid = callers.Own, UserKeys = { callers.Alice, callers.Bob } },
            new() { ServiceSid = callers.Own, UserKey = callers.Alice, UserKeys = { callers.Bob } },
            new() { ServiceSid = callers.Own, UserKeys = { "" } },
        ];

        foreach (var request in rejected)
            Assert.Equal("PERMISSION_DENIED", (await CallError.Of(users.ListPushBindingsAsync(request))).Reason);
        await users.ListPushBindingsAsync(new() { ServiceSid = callers.Own, UserKeys = { callers.Alice } });
        await users.ListPushBindingsAsync(new() { ServiceSid = callers.Own, UserKey = callers.Alice, UserKeys = { callers.Alice } });
    }

    [Fact]
    public async Task Isolation_Page_and_resume_tokens_of_another_service_instance_are_rejected()
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
