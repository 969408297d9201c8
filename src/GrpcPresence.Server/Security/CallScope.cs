using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Security;

/// <summary>
/// What a call is about: its caller, and the service instance and the user that its request names. They are parsed once, and read by
/// authorization, quotas and the handler. One object a call: about 90 bytes, beside the 6.4 KB that gRPC allocates for a unary call
/// (docs/adr/0008-call-pipeline.md). Not safe for more than one thread.
/// </summary>
internal sealed class CallScope(Caller caller)
{
    private CachedService? _tenant;

    /// <summary>The authenticated caller.</summary>
    public Caller Caller => caller;

    /// <summary>The service instance that the request names; null when it names none, or not in the form of a SID.</summary>
    public ServiceSid? Service { get; private set; }

    /// <summary>The one user that the request names; null when its method names none or several, or the key has no valid form.</summary>
    public UserKey? User { get; private set; }

    /// <summary>The scope of an authenticated request.</summary>
    public static CallScope Of(HttpContext context) => context.Features.GetRequiredFeature<CallScope>();

    /// <summary>Reads what the request names. A REST request may make several calls, one after the other.</summary>
    public void Read<TRequest>(AccessRule<TRequest> rule, TRequest request)
    {
        Service = ServiceSid.TryParse(rule.Service?.Invoke(request), out var service) ? service : null;
        User = UserKey.TryParse(rule.User?.Invoke(request), out var user) ? user : null;
        _tenant = null;
    }

    /// <summary>
    /// Returns the service instance of the request if this process has it in memory. Null says nothing about whether it exists.
    /// </summary>
    public CachedService? FindTenant(ServiceCache services) =>
        _tenant ??= Service is { } service ? services.FindCached(service) : null;

    /// <summary>Returns the service instance; only one that <see cref="FindTenant"/> has not found is looked up again.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">ServiceInstanceNotFound, StorageUnavailable.</exception>
    public ValueTask<CachedService> GetTenantAsync(ServiceSid service, ServiceCache services, CancellationToken cancellationToken) =>
        _tenant is { IsDeleted: false } tenant && service == Service ? new(tenant) : services.GetAsync(service, cancellationToken);
}
