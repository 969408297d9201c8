using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Deletes a user with its push bindings and ends its sessions. UserNotFound; EtagMismatch if the given etag is not the current one.
/// </summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="key">The user.</param>
/// <param name="etag">The etag that must be the current one; empty for any.</param>
public sealed class DeleteUser(ServiceSid serviceSid, UserKey key, string etag) : Command<UserSid>
{
    private long _serviceId;
    private Identity _identity;

    internal override void Complete(ITrackedUsers users)
    {
        if (!IsRejected)
            users.Delete(_serviceId, _identity);
        base.Complete(users);
    }

    private protected override UserSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        var user = batch.User(service, key);
        if (etag.Length > 0 && etag != user.Etag)
            throw PresenceErrors.EtagMismatch();

        (_serviceId, _identity) = (service.Record.Id, user.Identity);
        batch.Delete(service, user);
        return user.Sid;
    }
}
