using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Reading;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Server.Security.Quotas;

/// <summary>
/// Gives each call a reader of the store that reads at the expense of the service instance and of the caller. Handlers read the store
/// through it only. Safe from any thread.
/// </summary>
internal sealed class CallReads(StoreReads reads, QuotaLimiter limiter, ServiceCache services)
{
    /// <summary>Returns the reader of a call that concerns one service instance.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async ValueTask<IStoreReader> OfAsync(ServiceSid service, ServerCallContext context)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        if (!scope.Caller.IsForwarded)
            return reads.OfCall(await OwnerAsync(service, scope, context.CancellationToken));
        await scope.GetTenantAsync(service, services, context.CancellationToken);
        return reads.OfServer; // the ingress has charged the call
    }

    /// <summary>Returns the reader of a call that concerns the whole deployment.</summary>
    public IStoreReader OfDeployment(ServerCallContext context) =>
        reads.OfCall(new ReadOwner(default, Service: null, CallScope.Of(context.GetHttpContext()).Caller.CountersIn(limiter)));

    /// <summary>Returns the reader of a watch.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async ValueTask<IStoreReader> OfWatchAsync(ServiceSid service, CallScope scope, CancellationToken cancellationToken) =>
        reads.OfWatch(await OwnerAsync(service, scope, cancellationToken));

    private async ValueTask<ReadOwner> OwnerAsync(ServiceSid service, CallScope scope, CancellationToken cancellationToken)
    {
        var tenant = await scope.GetTenantAsync(service, services, cancellationToken);
        return new ReadOwner(service, limiter.OfServiceInstance(tenant.Id), scope.Caller.CountersIn(limiter));
    }
}
