using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Security;

/// <summary>
/// The caller of a call, and the service instance and user that its request names. They are parsed once; authorization, quotas and the
/// handler read them. Each call has one object of about 90 bytes; gRPC allocates 6.4 KB for a unary call (docs/adr/0008-call-pipeline.md).
/// Not safe for more than one thread.
/// </summary>
internal sealed class CallScope(Caller caller)
{
    private CachedService? _tenant;

    /// <summary>The authenticated caller.</summary>
    public Caller Caller => caller;

    /// <summary>
    /// Whether the client may have held back the body since its credentials were checked, so that they must be checked again.
    /// </summary>
    public bool HasWaited { get; set; }

    /// <summary>The service instance of the request, or null when the request contains no valid SID of one.</summary>
    public ServiceSid? Service { get; private set; }

    /// <summary>The only user of the request. Null when the method names none or several, or when the key has no valid form.</summary>
    public UserKey? User { get; private set; }

    /// <summary>Returns the scope of an authenticated request.</summary>
    public static CallScope Of(HttpContext context) => context.Features.GetRequiredFeature<CallScope>();

    /// <summary>Reads the targets of the request. A REST request may make several calls, one after the other.</summary>
    public void Read<TRequest>(AccessRule<TRequest> rule, TRequest request)
    {
        Service = ServiceSid.TryParse(rule.Service?.Invoke(request), out var service) ? service : null;
        User = UserKey.TryParse(rule.User?.Invoke(request), out var user) ? user : null;
        _tenant = null;
    }

    /// <summary>
    /// Returns the service instance of the request if this process has it in memory. Null does not mean that it does not exist.
    /// </summary>
    public CachedService? FindTenant(ServiceCache services) =>
        _tenant ??= Service is { } service ? services.FindCached(service) : null;

    /// <summary>Returns the service instance. Reuses the result of <see cref="FindTenant"/>, and otherwise looks it up.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">ServiceInstanceNotFound, StorageUnavailable.</exception>
    public ValueTask<CachedService> GetTenantAsync(ServiceSid service, ServiceCache services, CancellationToken cancellationToken) =>
        _tenant is { IsDeleted: false } tenant && service == Service ? new(tenant) : services.GetAsync(service, cancellationToken);
}
