using Google.Protobuf;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>
/// The only table of which callers may call which methods, of the quotas that a call uses, and of the size of messages. A method without a
/// row prevents the server from starting. Scope is checked before everything else: to a caller whose scope is one service instance, every
/// other one looks as if it did not exist.
/// </summary>
internal static class AuthorizationTable
{
    private static readonly string Configurations = V1.ConfigurationService.Descriptor.FullName;
    private static readonly string Keys = V1.ApiKeyService.Descriptor.FullName;
    private static readonly string Users = V1.UserService.Descriptor.FullName;

    /// <summary>The beginning of the paths of the health service.</summary>
    public static readonly string HealthPath = $"/{(global::Grpc.Health.V1.Health.Descriptor.FullName)}/";

    /// <summary>The path of the metrics.</summary>
    public const string MetricsPath = "/metrics";

    /// <summary>The metrics. They concern the whole deployment, and no gRPC method serves them.</summary>
    public static readonly AccessRule<HttpContext> Metrics = new(MetricsPath) { MinimumRole = ApiKeyRole.Read };

    private static readonly Dictionary<string, AccessRule> Rules = new AccessRule[]
    {
        // Service instances: only callers with the scope of the whole deployment create, list and delete them.
        Deployment<V1.CreateServiceInstanceRequest>(Configurations, "CreateServiceInstance", ApiKeyRole.Admin).Costing(CallCost.Write),
        Deployment<V1.ListServiceInstancesRequest>(Configurations, "ListServiceInstances", ApiKeyRole.Read),
        Deployment<V1.DeleteServiceInstanceRequest>(Configurations, "DeleteServiceInstance", ApiKeyRole.Admin).Costing(CallCost.Write),
        Instance<V1.GetServiceInstanceRequest>(Configurations, "GetServiceInstance", ApiKeyRole.Read, request => request.ServiceSid),
        Instance<V1.UpdateServiceInstanceRequest>(Configurations, "UpdateServiceInstance", ApiKeyRole.Admin, request =>
            request.ServiceInstance?.Sid).Costing(CallCost.Write),
        Instance<V1.GetConfigurationRequest>(Configurations, "GetConfiguration", ApiKeyRole.Read, request => request.ServiceSid),
        Instance<V1.UpdateConfigurationRequest>(Configurations, "UpdateConfiguration", ApiKeyRole.Admin, request =>
            request.Configuration?.ServiceSid).Costing(CallCost.Write),

        // A webhook's URL may contain a secret of its endpoint, so reading it requires the role Admin.
        Instance<V1.GetWebhookConfigurationRequest>(Configurations, "GetWebhookConfiguration", ApiKeyRole.Admin, request =>
            request.ServiceSid),
        Instance<V1.UpdateWebhookConfigurationRequest>(
            Configurations, "UpdateWebhookConfiguration", ApiKeyRole.Admin, request =>
                request.WebhookConfiguration?.ServiceSid).Costing(CallCost.Write),
        Instance<V1.GetWebhookSigningSecretsRequest>(Configurations, "GetWebhookSigningSecrets", ApiKeyRole.Admin, request =>
            request.ServiceSid).Costing(CallCost.Write),
        Instance<V1.RotateWebhookSigningSecretRequest>(Configurations, "RotateWebhookSigningSecret", ApiKeyRole.Admin, request =>
            request.ServiceSid).Costing(CallCost.Write),
        Instance<V1.GetNotificationConfigurationRequest>(Configurations, "GetNotificationConfiguration", ApiKeyRole.Read, request =>
            request.ServiceSid),
        Instance<V1.UpdateNotificationConfigurationRequest>(
            Configurations, "UpdateNotificationConfiguration", ApiKeyRole.Admin, request =>
                request.NotificationConfiguration?.ServiceSid).Costing(CallCost.Write),

        // API keys: the handler filters them by the caller's scope when it looks them up. A caller without credentials creates no key: the
        // key would remain valid after the server starts to require credentials.
        KeyMethod<V1.CreateApiKeyRequest>("CreateApiKey", request => request.ServiceSid),
        KeyMethod<V1.ListApiKeysRequest>("ListApiKeys", request => request.ServiceSid) with { Cost = CallCost.Read },
        KeyMethod<V1.RotateApiKeyRequest>("RotateApiKey", _ => null),
        KeyMethod<V1.RevokeApiKeyRequest>("RevokeApiKey", _ => null),

        // Users: end users read all users. They edit only themselves, not their role, and cannot skip webhooks.
        Instance<V1.CreateUserRequest>(Users, "CreateUser", ApiKeyRole.Service, request => request.ServiceSid).Costing(CallCost.Write),
        Instance<V1.DeleteUserRequest>(Users, "DeleteUser", ApiKeyRole.Service, request => request.ServiceSid).Costing(CallCost.Write),
        Instance<V1.GetUserRequest>(Users, "GetUser", ApiKeyRole.Read, request =>
            request.ServiceSid) with { EndUsers = EndUserRights.AllUsers },
        Instance<V1.BatchGetUsersRequest>(Users, "BatchGetUsers", ApiKeyRole.Read, request => request.ServiceSid)
            with { EndUsers = EndUserRights.AllUsers, MaxMessageBytes = Limits.BatchGetMessageBytes },
        Instance<V1.ListUsersRequest>(Users, "ListUsers", ApiKeyRole.Read, request =>
            request.ServiceSid) with { EndUsers = EndUserRights.AllUsers },
        Instance<V1.WatchUsersRequest>(Users, "WatchUsers", ApiKeyRole.Read, request =>
            request.ServiceSid).Costing(CallCost.Free) with
        {
            EndUsers = EndUserRights.AllUsers,
            MaxMessageBytes = Limits.ReceivedMessageBytes,
        },
        Instance<V1.UpdateUserRequest>(Users, "UpdateUser", ApiKeyRole.Service, request =>
            request.User?.ServiceSid).Costing(CallCost.Write) with
        {
            EndUsers = EndUserRights.Self,
            Users = request => new[] { request.User?.Sid, request.User?.Identity }.OfType<string>().Where(key => key.Length > 0),
            AllowsEndUser = request => !request.SkipWebhooks && (request.UpdateMask?.Paths.All(IsOwnProfile) ?? true),
        },

        // Presence: end users send heartbeats only for themselves. Only back ends list sessions, because a session's id is enough to end
        // it.
        Instance<V1.HeartbeatRequest>(Users, "Heartbeat", ApiKeyRole.Service, request =>
            request.ServiceSid).Costing(CallCost.Heartbeat) with
        {
            EndUsers = EndUserRights.Self,
            User = request => request.UserKey,
        },
        Instance<V1.StreamHeartbeatsRequest>(Users, "StreamHeartbeats", ApiKeyRole.Service, request =>
            request.Start?.ServiceSid).Costing(CallCost.Free) with
        {
            EndUsers = EndUserRights.Self,
            MaxMessageBytes = Limits.ReceivedMessageBytes,
            Users = request => (request.Beats?.Beats ?? request.Ends?.Ends)?.Select(beat => beat.UserKey) ?? [],
        },
        Instance<V1.EndSessionRequest>(Users, "EndSession", ApiKeyRole.Service, request =>
            request.ServiceSid).Costing(CallCost.Heartbeat) with
        {
            EndUsers = EndUserRights.Self,
            User = request => request.UserKey,
        },
        Instance<V1.ListSessionsRequest>(Users, "ListSessions", ApiKeyRole.Read, request => request.ServiceSid)
            with { User = request => request.UserKey },

        // Push bindings: end users manage their own.
        Instance<V1.SetPushBindingRequest>(Users, "SetPushBinding", ApiKeyRole.Service, request =>
            request.ServiceSid).Costing(CallCost.Write) with
        {
            EndUsers = EndUserRights.Self,
            Users = request => [request.UserKey],
        },
        Instance<V1.GetPushBindingRequest>(Users, "GetPushBinding", ApiKeyRole.Read, request => request.ServiceSid)
            with { EndUsers = EndUserRights.OwnBinding },
        Instance<V1.DeletePushBindingRequest>(Users, "DeletePushBinding", ApiKeyRole.Service, request => request.ServiceSid)
            .Costing(CallCost.Write) with { EndUsers = EndUserRights.OwnBinding },
        Instance<V1.ListPushBindingsRequest>(Users, "ListPushBindings", ApiKeyRole.Read, request => request.ServiceSid) with
        {
            EndUsers = EndUserRights.Self,
            // Without any key the method lists the bindings of all users. The empty key represents this case.
            Users = request => request.UserKey.Length == 0
                && request.UserKeys.Count > 0 ? request.UserKeys : request.UserKeys.Prepend(request.UserKey),
        },

        // Methods for probes and tools. Their responses contain nothing about users.
        Public<global::Grpc.Health.V1.HealthCheckRequest>(global::Grpc.Health.V1.Health.Descriptor.FullName, "Check"),
        Public<global::Grpc.Health.V1.HealthListRequest>(global::Grpc.Health.V1.Health.Descriptor.FullName, "List"),
        Public<global::Grpc.Health.V1.HealthCheckRequest>(global::Grpc.Health.V1.Health.Descriptor.FullName, "Watch"),
        Public<global::Grpc.Reflection.V1.ServerReflectionRequest>(global::Grpc.Reflection.V1.ServerReflection.Descriptor.FullName,
            "ServerReflectionInfo"),
        Public<global::Grpc.Reflection.V1Alpha.ServerReflectionRequest>(
            global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor.FullName, "ServerReflectionInfo"),
    }.ToDictionary(rule => rule.Method);

    /// <summary>Every row.</summary>
    public static IReadOnlyCollection<AccessRule> All => Rules.Values;

    /// <summary>Returns the row of the method, or null when the table does not contain it.</summary>
    public static AccessRule? Find(string method) => Rules.GetValueOrDefault(method);

    /// <summary>Returns the row of the method.</summary>
    /// <exception cref="InvalidOperationException">The table has no row for the method, so its access is undecided.</exception>
    public static AccessRule<TRequest> Get<TRequest>(string method) =>
        Find(method) as AccessRule<TRequest>
        ?? throw new InvalidOperationException($"The authorization table has no row for {method} with {typeof(TRequest).Name}. Add one.");

    private static bool IsOwnProfile(string path) => path is "friendly_name" or "attributes";

    private static AccessRule<TRequest> Deployment<TRequest>(string service, string method, ApiKeyRole role)
        where TRequest : IMessage => new(PathOf(service, method)) { MinimumRole = role };

    private static AccessRule<TRequest> Instance<TRequest>(string service, string method, ApiKeyRole role, Func<TRequest, string?> instance)
        where TRequest : IMessage => new(PathOf(service, method)) { MinimumRole = role, Service = instance };

    private static AccessRule<TRequest> Costing<TRequest>(this AccessRule<TRequest> rule, CallCost cost) => rule with { Cost = cost };

    private static AccessRule<TRequest> KeyMethod<TRequest>(string method, Func<TRequest, string?> instance)
        where TRequest : IMessage =>
            Instance(Keys, method, ApiKeyRole.Admin, instance) with { RequiresCredentials = true, Cost = CallCost.Write };

    private static AccessRule<TRequest> Public<TRequest>(string service, string method)
        where TRequest : IMessage => new(PathOf(service, method));

    private static string PathOf(string service, string method) => $"/{service}/{method}";
}
