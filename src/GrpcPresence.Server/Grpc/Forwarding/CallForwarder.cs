using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Grpc.Forwarding.Wire;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// In a node of a cluster, takes the place of the handlers of methods with an owner (<see cref="OwnerTable"/>): brings each call to the
/// owner, which may be this node, and returns its response. It runs after the caller was authorized and charged. A single node has none.
/// Safe from any thread.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>The pre-hook of an edit is asked here, once, because only the ingress knows that the call came over REST.</item>
/// <item>The subject of the request gives the shard. A user named by SID, and a push binding, are looked up first: the shard follows from
/// the identity of the user.</item>
/// <item>Without a shard, the request is invalid or names what does not exist. The handler of this node finds that out, with the same
/// errors as at any other node: a command without a shard writes nothing.</item>
/// <item>The owner runs the handler, and writes the line of the audit log on the commit, also if its answer is lost.</item>
/// </list>
/// </remarks>
internal sealed class CallForwarder(
    UserRouter router,
    OwnedMethods methods,
    ServiceCache services,
    UserResolver users,
    IStoreReader store,
    CallQuotas quotas,
    EditHook editHook)
{
    /// <summary>Returns what runs a call of the method: the handler itself if the method has no owner.</summary>
    public UnaryServerMethod<TRequest, TResponse> Bind<TRequest, TResponse>(
        AccessRule<TRequest> rule, UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        if (OwnerTable.Find<TRequest>() is not { } subjectOf)
            return handler;
        methods.Add(rule, handler);
        var parser = ((IMessage)Activator.CreateInstance<TResponse>()).Descriptor.Parser;
        var kind = OwnerTable.KindOf<TRequest>();
        return RunAsync;

        async Task<TResponse> RunAsync(TRequest request, ServerCallContext context)
        {
            await editHook.AskAsync(request, context);
            request = NameNew(request);
            var scope = CallScope.Of(context.GetHttpContext());
            if (await FindShardAsync(subjectOf(request), scope, context.CancellationToken) is not { } shard)
                return await handler(request, context);
            var call = new ForwardedCall
            {
                Method = rule.Method,
                Caller = scope.Caller.ToMessage(),
                Request = ((IMessage)request).ToByteString(),
            };
            var response = router.CallAsync(shard, kind, call.ToByteArray(), rows => quotas.SpendRows(scope, rows));
            return (TResponse)parser.ParseFrom((await response.WaitAsync(context.CancellationToken)).Span);
        }
    }

    /// <summary>Gives a new service instance its SID, which gives the shard, unless the request does.</summary>
    private static TRequest NameNew<TRequest>(TRequest request) =>
        request is V1.CreateServiceInstanceRequest { ServiceSid.Length: 0 } unnamed
        && new V1.CreateServiceInstanceRequest(unnamed) { ServiceSid = RandomSids.NewServiceSid().ToString() } is TRequest named
            ? named
            : request;

    private async ValueTask<Shard?> FindShardAsync(CallSubject subject, CallScope scope, CancellationToken cancellationToken)
    {
        if (!ServiceSid.TryParse(subject.Service, out var service))
            return null;
        var tenant = await FindTenantAsync(service, scope, cancellationToken);
        if (subject.Binding is { } binding)
            return await FindShardAsync(service, binding, scope, cancellationToken);
        if (subject.User is null)
            return Shard.Of(service);
        if (!UserKey.TryParse(subject.User, out var key))
            return null;
        if (!key.IsSid)
            return Shard.Of(service, key.Identity);
        if (tenant is null)
            return null;
        try
        {
            return Shard.Of(service, (await users.ResolveAsync(tenant, key, cancellationToken)).Identity);
        }
        catch (PresenceException error) when (IsNotFound(error))
        {
            return null;
        }
    }

    /// <summary>
    /// Finds the shard of the user whose push binding it is. An end user owns it, or must not learn of it, so the end user's shard decides.
    /// </summary>
    private async ValueTask<Shard?> FindShardAsync(
        ServiceSid service, string text, CallScope scope, CancellationToken cancellationToken)
    {
        if (scope.Caller.Identity is { } owner)
            return Shard.Of(service, owner);
        if (!BindingSid.TryParse(text, out var binding))
            return null;
        try
        {
            var found = await store.FindBindingAsync(service, binding, cancellationToken);
            return found is null ? null : Shard.Of(service, found.Identity);
        }
        catch (PresenceException error) when (IsNotFound(error))
        {
            return null;
        }
    }

    /// <summary>
    /// Returns the service instance, or null if it does not exist. Loads it, because a service instance that is not cached is not charged:
    /// the handler, which would load it, may run elsewhere.
    /// </summary>
    private async ValueTask<CachedService?> FindTenantAsync(ServiceSid service, CallScope scope, CancellationToken cancellationToken)
    {
        try
        {
            return await scope.GetTenantAsync(service, services, cancellationToken);
        }
        catch (PresenceException error) when (IsNotFound(error))
        {
            return null;
        }
    }

    private static bool IsNotFound(PresenceException error) =>
        error.Reason is ErrorReason.ServiceInstanceNotFound or ErrorReason.UserNotFound;
}
