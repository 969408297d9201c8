using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>Decides of each call, and of each message of a stream, whether it is let in. Safe from any thread.</summary>
internal sealed class Authorizer(Authenticator authenticator, ServiceCache services, UserResolver users)
{
    /// <summary>Tells who calls, and whether the rule lets the caller in at all.</summary>
    /// <exception cref="PresenceException">A reason of UNAUTHENTICATED; PermissionDenied.</exception>
    public ValueTask<Caller> EnterAsync(AccessRule rule, ServerCallContext context)
    {
        var request = context.GetHttpContext();
        var authenticating = authenticator.AuthenticateAsync(request);
        return authenticating.IsCompletedSuccessfully
            ? new(Enter(authenticating.Result, rule, request))
            : EnterAsync(authenticating, rule, request);
    }

    /// <summary>Whether the caller may do what the message asks for.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound for another's; PermissionDenied; StorageUnavailable.</exception>
    public ValueTask AuthorizeAsync<TRequest>(Caller caller, AccessRule<TRequest> rule, TRequest request, CancellationToken cancellationToken)
    {
        if (caller.Scope is not { } scope || rule.IsPublic)
            return default;
        if (rule.Service is null)
            throw AccessErrors.PermissionDenied();
        // A SID that has not its form is refused by whoever reads the request, with all that is wrong beside it.
        if (ServiceSid.TryParse(rule.Service(request), out var service) && service != scope)
            throw PresenceErrors.ServiceInstanceNotFound(service);
        if (caller.Identity is not { } identity)
            return default;
        if (!rule.AllowsEndUser(request))
            throw AccessErrors.PermissionDenied();
        return rule.EndUsers == EndUserRights.Self ? RequireSelfAsync(rule.Users(request), scope, identity, cancellationToken) : default;
    }

    private static async ValueTask<Caller> EnterAsync(ValueTask<Caller> authenticating, AccessRule rule, HttpContext request) =>
        Enter(await authenticating, rule, request);

    private static Caller Enter(Caller caller, AccessRule rule, HttpContext request)
    {
        var isLetIn = caller.Identity is null ? caller.Role >= rule.Least : rule.EndUsers != EndUserRights.None || rule.IsPublic;
        if (!isLetIn || (rule.RequiresCredentials && caller is AnonymousCaller))
            throw AccessErrors.PermissionDenied();
        request.Features.Set(caller);
        return caller;
    }

    private async ValueTask RequireSelfAsync(
        IEnumerable<string> keys, ServiceSid scope, Identity identity, CancellationToken cancellationToken)
    {
        UserKey? ownSid = null;
        foreach (var text in keys)
        {
            // No key at all may mean everybody. One that has no form is refused by whoever reads the request.
            if (text.Length == 0)
                throw AccessErrors.PermissionDenied();
            if (!UserKey.TryParse(text, out var key))
                continue;
            var isSelf = key.IsSid
                ? key == ownSid || await IsSelfAsync(key, scope, identity, cancellationToken)
                : key.Identity == identity;
            if (!isSelf)
                throw AccessErrors.PermissionDenied();
            ownSid = key.IsSid ? key : ownSid; // looked up once, however often a message names it
        }
    }

    /// <summary>Whether the SID is the end user's. One that is nobody's is not: what is not one's own is all the same.</summary>
    private async ValueTask<bool> IsSelfAsync(UserKey key, ServiceSid scope, Identity identity, CancellationToken cancellationToken)
    {
        try
        {
            var service = await services.GetAsync(scope, cancellationToken);
            return (await users.ResolveAsync(service, key, cancellationToken)).Identity == identity;
        }
        catch (PresenceException refusal) when (refusal.Reason == ErrorReason.UserNotFound)
        {
            return false;
        }
    }
}
