using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Callers of every kind, and a request for every method. Before each call an administrator creates the resources that the call needs.
/// </summary>
public sealed class GuardedCallers : IAsyncLifetime
{
    private int _calls;

    internal GuardedServer Guarded { get; private set; } = null!;

    internal string Own => Guarded.Own;

    internal string Foreign => Guarded.Foreign;

    internal string Absent { get; } = "IS" + new string('e', 32);

    internal string Alice { get; } = "alice";

    internal string Bob { get; } = "bob";

    internal string EndUser { get; private set; } = "";

    /// <summary>The credentials of each caller.</summary>
    internal Dictionary<TestCaller, string> All { get; } = [];

    /// <summary>The callers whose credentials are for one service instance.</summary>
    internal IEnumerable<KeyValuePair<TestCaller, string>> Scoped => All.Where(caller => caller.Key
        is TestCaller.InstanceAdminKey or TestCaller.InstanceServiceKey or TestCaller.InstanceReadKey
        or TestCaller.EndUserAboutSelf or TestCaller.EndUserAboutOther);

    public async ValueTask InitializeAsync()
    {
        Guarded = await GuardedServer.StartAsync();
        All[TestCaller.DeploymentAdminKey] = await KeyCredentialsAsync(ApiKeyRole.Admin);
        All[TestCaller.DeploymentServiceKey] = await KeyCredentialsAsync(ApiKeyRole.Service);
        All[TestCaller.DeploymentReadKey] = await KeyCredentialsAsync(ApiKeyRole.Read);
        All[TestCaller.InstanceAdminKey] = await KeyCredentialsAsync(ApiKeyRole.Admin, Own);
        All[TestCaller.InstanceServiceKey] = await KeyCredentialsAsync(ApiKeyRole.Service, Own);
        All[TestCaller.InstanceReadKey] = await KeyCredentialsAsync(ApiKeyRole.Read, Own);
        EndUser = Guarded.Bearer(await Guarded.NewKeyAsync(ApiKeyRole.Service, Own), Alice);
        All[TestCaller.EndUserAboutSelf] = All[TestCaller.EndUserAboutOther] = EndUser;
        foreach (var service in new[] { Own, Foreign })
        {
            foreach (var identity in new[] { Alice, Bob })
                await Guarded.UsersAs(Guarded.Admin).CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = identity });
        }
    }

    public ValueTask DisposeAsync() => Guarded.DisposeAsync();

    /// <summary>Calls the method for the user of the service instance.</summary>
    internal async Task<AccessOutcome> CallAsync(
        string method, string? authorization, string service, string user, WatchTransport transport = WatchTransport.Grpc)
    {
        // An end user may open ten streams a second, so the clock advances by a tenth of a second before each call.
        Guarded.Time.Advance(TimeSpan.FromMilliseconds(100));
        var invoker = Guarded.As(authorization, transport);
        var name = method.Split('.')[^1];
        try
        {
            await (name switch
            {
                "StreamHeartbeats" => StreamAsync(invoker, service, user),
                "WatchUsers" => WatchAsync(invoker, service),
                _ => UnaryAsync(invoker, name, await RequestOfAsync(name, service, user)),
            });
            return AccessOutcome.Accepted;
        }
        catch (RpcException rejection)
        {
            return AccessOutcome.Of(CallError.From(rejection));
        }
    }

    private static async Task UnaryAsync(CallInvoker invoker, string name, IMessage request)
    {
        ClientBase client = name switch
        {
            _ when UserService.Descriptor.FindMethodByName(name) is not null => new UserService.UserServiceClient(invoker),
            _ when ApiKeyService.Descriptor.FindMethodByName(name) is not null => new ApiKeyService.ApiKeyServiceClient(invoker),
            _ => new ConfigurationService.ConfigurationServiceClient(invoker),
        };
        var method = client.GetType().GetMethod(name + "Async", [request.GetType(), typeof(CallOptions)])!;
        dynamic call = method.Invoke(client, [request, default(CallOptions)])!;
        await (Task)call.ResponseAsync;
    }

    private static async Task StreamAsync(CallInvoker invoker, string service, string user)
    {
        using var stream = new UserService.UserServiceClient(invoker).StreamHeartbeats();
        await stream.RequestStream.TryWriteAsync(new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = service } });
        await stream.ResponseStream.MoveNext(TestRun.Token);
        await stream.RequestStream.TryWriteAsync(new StreamHeartbeatsRequest
        {
            Beats = new HeartbeatStreamBeats { Beats = { new SessionBeat { UserKey = user, SessionId = "s" } } },
        });
        await stream.ResponseStream.MoveNext(TestRun.Token);
    }

    private static async Task WatchAsync(CallInvoker invoker, string service)
    {
        using var watch = new UserService.UserServiceClient(invoker).WatchUsers(new WatchUsersRequest { ServiceSid = service });
        await watch.ResponseStream.MoveNext(TestRun.Token);
    }

    private async Task<IMessage> RequestOfAsync(string name, string service, string user)
    {
        var (number, admin) = (++_calls, Guarded.UsersAs(Guarded.Admin));
        var exists = service != Absent;
        return name switch
        {
            "CreateServiceInstance" => new CreateServiceInstanceRequest(),
            "GetServiceInstance" => new GetServiceInstanceRequest { ServiceSid = service },
            "UpdateServiceInstance" => new UpdateServiceInstanceRequest
            {
                ServiceInstance = new ServiceInstance { Sid = service, FriendlyName = $"{number}" },
                UpdateMask = FieldMask.FromString("friendly_name"),
            },
            "ListServiceInstances" => new ListServiceInstancesRequest(),
            "DeleteServiceInstance" => new DeleteServiceInstanceRequest { ServiceSid = await ServiceAsync() },
            "GetConfiguration" => new GetConfigurationRequest { ServiceSid = service },
            "UpdateConfiguration" => new UpdateConfigurationRequest
            {
                Configuration = new V1.Configuration { ServiceSid = service, AutoCreateUsers = true },
                UpdateMask = FieldMask.FromString("auto_create_users"),
            },
            "GetWebhookConfiguration" => new GetWebhookConfigurationRequest { ServiceSid = service },
            "GetWebhookSigningSecrets" => new GetWebhookSigningSecretsRequest { ServiceSid = service },
            "RotateWebhookSigningSecret" => new RotateWebhookSigningSecretRequest { ServiceSid = service },
            "UpdateWebhookConfiguration" => new UpdateWebhookConfigurationRequest
            {
                WebhookConfiguration = new WebhookConfiguration { ServiceSid = service, Method = WebhookMethod.Get },
                UpdateMask = FieldMask.FromString("method"),
            },
            "GetNotificationConfiguration" => new GetNotificationConfigurationRequest { ServiceSid = service },
            "UpdateNotificationConfiguration" => new UpdateNotificationConfigurationRequest
            {
                NotificationConfiguration = new NotificationConfiguration { ServiceSid = service, LogEnabled = true },
                UpdateMask = FieldMask.FromString("log_enabled"),
            },
            "CreateApiKey" => new CreateApiKeyRequest { Role = ApiKeyRole.Read, ServiceSid = service },
            "ListApiKeys" => new ListApiKeysRequest { ServiceSid = service },
            "RotateApiKey" => new RotateApiKeyRequest { ApiKeySid = await KeyAsync(exists, service) },
            "RevokeApiKey" => new RevokeApiKeyRequest { ApiKeySid = await KeyAsync(exists, service) },
            "CreateUser" => new CreateUserRequest { ServiceSid = service, Identity = $"new-{number}" },
            "GetUser" => new GetUserRequest { ServiceSid = service, UserKey = user },
            "BatchGetUsers" => new BatchGetUsersRequest { ServiceSid = service, UserKeys = { user } },
            "ListUsers" => new ListUsersRequest { ServiceSid = service },
            "UpdateUser" => new UpdateUserRequest
            {
                User = new User { ServiceSid = service, Identity = user, FriendlyName = $"{number}" },
                UpdateMask = FieldMask.FromString("friendly_name"),
            },
            "DeleteUser" => new DeleteUserRequest
            {
                ServiceSid = service,
                UserKey = exists ? await UserAsync(admin, service, number)
                : user
            },
            "Heartbeat" => new HeartbeatRequest { ServiceSid = service, UserKey = user, SessionId = "s" },
            "EndSession" => new EndSessionRequest { ServiceSid = service, UserKey = user, SessionId = $"s-{number}" },
            "ListSessions" => new ListSessionsRequest { ServiceSid = service, UserKey = user },
            "SetPushBinding" => new SetPushBindingRequest
            {
                ServiceSid = service,
                UserKey = user,
                BindingType = BindingType.Apn,
                Endpoint = user
            },
            "GetPushBinding" => new GetPushBindingRequest
            {
                ServiceSid = service,
                PushBindingSid = await BindingAsync(admin, exists, service, user)
            },
            "DeletePushBinding" =>
                new DeletePushBindingRequest { ServiceSid = service, PushBindingSid = await BindingAsync(admin, exists, service, user) },
            "ListPushBindings" => new ListPushBindingsRequest { ServiceSid = service, UserKey = user },
            _ => throw new InvalidOperationException($"No request is defined for {name}. Add one to this table."),
        };
    }

    private async Task<string> KeyCredentialsAsync(ApiKeyRole role, string service = "") =>
        GuardedServer.Basic(await Guarded.NewKeyAsync(role, service));

    private async Task<string> ServiceAsync() =>
        (await Guarded.ConfigurationAs(Guarded.Admin).CreateServiceInstanceAsync(new CreateServiceInstanceRequest())).ServiceInstance.Sid;

    private async Task<string> KeyAsync(bool exists, string service) =>
        exists ? (await Guarded.NewKeyAsync(ApiKeyRole.Read, service)).ApiKey.Sid : "SK" + new string('e', 32);

    private static async Task<string> UserAsync(UserService.UserServiceClient admin, string service, int number) =>
        (await admin.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = $"gone-{number}" })).User.Sid;

    private static async Task<string> BindingAsync(UserService.UserServiceClient admin, bool exists, string service, string user)
    {
        if (!exists)
            return "BS" + new string('e', 32);
        var request = new SetPushBindingRequest { ServiceSid = service, UserKey = user, BindingType = BindingType.Fcm, Endpoint = user };
        return (await admin.SetPushBindingAsync(request)).PushBinding.Sid;
    }
}
