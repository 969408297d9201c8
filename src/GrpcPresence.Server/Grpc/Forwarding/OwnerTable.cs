using GrpcPresence.Core.Cluster.Routing;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// The unary methods that run at one node of a cluster, the owner, and what decides which node that is. All others run at the node that the
/// client has called, the ingress:
/// <list type="bullet">
/// <item>Reads, because they read the store.</item>
/// <item>Methods of API keys. A key belongs to no shard: the directory commits of any node write it, and are decided again if another node
/// has changed the directory.</item>
/// <item>Heartbeats and ends of sessions, which <see cref="Core.Cluster.Routing.RoutedUsers"/> brings to the owner without an
/// envelope.</item>
/// </list>
/// The subject must be that of the command that the method queues: the writer of a node rejects a command of a shard that the node does not
/// hold.
/// </summary>
internal static class OwnerTable
{
    private static readonly Dictionary<Type, Delegate> Subjects = new()
    {
        [typeof(V1.CreateServiceInstanceRequest)] = Of<V1.CreateServiceInstanceRequest>(request => new(request.ServiceSid)),
        [typeof(V1.UpdateServiceInstanceRequest)] = Of<V1.UpdateServiceInstanceRequest>(request => new(request.ServiceInstance?.Sid)),
        [typeof(V1.DeleteServiceInstanceRequest)] = Of<V1.DeleteServiceInstanceRequest>(request => new(request.ServiceSid)),
        [typeof(V1.UpdateConfigurationRequest)] = Of<V1.UpdateConfigurationRequest>(request => new(request.Configuration?.ServiceSid)),
        [typeof(V1.UpdateWebhookConfigurationRequest)] =
            Of<V1.UpdateWebhookConfigurationRequest>(request => new(request.WebhookConfiguration?.ServiceSid)),
        [typeof(V1.RotateWebhookSigningSecretRequest)] = Of<V1.RotateWebhookSigningSecretRequest>(request => new(request.ServiceSid)),
        [typeof(V1.UpdateNotificationConfigurationRequest)] =
            Of<V1.UpdateNotificationConfigurationRequest>(request => new(request.NotificationConfiguration?.ServiceSid)),
        [typeof(V1.CreateUserRequest)] = Of<V1.CreateUserRequest>(request => new(request.ServiceSid, request.Identity)),
        [typeof(V1.UpdateUserRequest)] = Of<V1.UpdateUserRequest>(request => new(request.User?.ServiceSid, KeyOf(request.User))),
        [typeof(V1.DeleteUserRequest)] = Of<V1.DeleteUserRequest>(request => new(request.ServiceSid, request.UserKey)),
        [typeof(V1.SetPushBindingRequest)] = Of<V1.SetPushBindingRequest>(request => new(request.ServiceSid, request.UserKey)),
        [typeof(V1.DeletePushBindingRequest)] =
            Of<V1.DeletePushBindingRequest>(request => new(request.ServiceSid, Binding: request.PushBindingSid)),
        [typeof(V1.ListSessionsRequest)] = Of<V1.ListSessionsRequest>(request => new(request.ServiceSid, request.UserKey)),
    };

    /// <summary>Returns what the request concerns; null for a method that runs at the ingress.</summary>
    public static Func<TRequest, CallSubject>? Find<TRequest>() =>
        (Func<TRequest, CallSubject>?)Subjects.GetValueOrDefault(typeof(TRequest));

    /// <summary>Whether the method with this request runs at an owner.</summary>
    public static bool Contains(Type request) => Subjects.ContainsKey(request);

    /// <summary>Returns what the ingress and the owner must know of a method with an owner.</summary>
    public static RequestKind KindOf<TRequest>() =>
        typeof(TRequest) == typeof(V1.ListSessionsRequest) ? RequestKind.ReadSessions : RequestKind.Write;

    private static Delegate Of<TRequest>(Func<TRequest, CallSubject> subject) => subject;

    // The command looks the user up by SID if both are given, and rejects an identity of another user.
    private static string? KeyOf(V1.User? user) => user is { Sid.Length: 0 } ? user.Identity : user?.Sid;
}
