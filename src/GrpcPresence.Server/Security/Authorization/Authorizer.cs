using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>Decides whether a caller may make a call, or send a message of a stream. Safe from any thread.</summary>
internal sealed class Authorizer(ServiceCache services, UserResolver users)
{
    /// <summary>Checks the caller's role, before any request is read.</summary>
    /// <exception cref="PresenceException">PermissionDenied: the role does not permit the call.</exception>
    public static void RequireRole(Caller caller, AccessRule rule)
    {
        var hasRole = caller.Identity is null ? caller.Role >= rule.MinimumRole : rule.EndUsers != EndUserRights.None || rule.IsPublic;
        if (!hasRole || (rule.RequiresCredentials && caller.Kind == CallerKind.Anonymous))
            throw AccessErrors.PermissionDenied();
    }

    /// <summary>Checks the request, whose targets <paramref name="call"/> has read.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound: the service instance is outside the caller's scope. Also
    /// PermissionDenied, StorageUnavailable.</exception>
    public ValueTask AuthorizeAsync<TRequest>(
        CallScope call, AccessRule<TRequest> rule, TRequest request, CancellationToken cancellationToken)
    {
        var caller = call.Caller;
        if (caller.Scope is not { } scope || rule.IsPublic)
            return default;
        if (rule.Service is null)
            throw AccessErrors.PermissionDenied();
        // The handler rejects a SID that has no valid form, together with everything else that is wrong with the request.
        if (call.Service is { } service && service != scope)
            throw PresenceErrors.ServiceInstanceNotFound(service);
        if (caller.Identity is not { } identity)
            return default;
        if (!rule.AllowsEndUser(request))
            throw AccessErrors.PermissionDenied();
        return rule.EndUsers == EndUserRights.Self ? RequireSelfAsync(rule.UsersOf(request), scope, identity, cancellationToken) : default;
    }

    private async ValueTask RequireSelfAsync(
        IEnumerable<string> keys, ServiceSid scope, Identity identity, CancellationToken cancellationToken)
    {
        UserKey? ownSid = null;
        foreach (var text in keys)
        {
            // An empty key may mean all users. The handler rejects a key that has no valid form.
            if (text.Length == 0)
                throw AccessErrors.PermissionDenied();
            if (!UserKey.TryParse(text, out var key))
                continue;
            var isSelf = key.IsSid
                ? key == ownSid || await IsSelfAsync(key, scope, identity, cancellationToken)
                : key.Identity == identity;
            if (!isSelf)
                throw AccessErrors.PermissionDenied();
            ownSid = key.IsSid ? key : ownSid; // one lookup, even if the message repeats the SID
        }
    }

    /// <summary>Whether the SID belongs to the end user. The result for a missing user is the same as for another user.</summary>
    private async ValueTask<bool> IsSelfAsync(UserKey key, ServiceSid scope, Identity identity, CancellationToken cancellationToken)
    {
        try
        {
            var service = await services.GetAsync(scope, cancellationToken);
            return (await users.ResolveAsync(service, key, cancellationToken)).Identity == identity;
        }
        catch (PresenceException exception) when (exception.Reason == ErrorReason.UserNotFound)
        {
            return false;
        }
    }
}
