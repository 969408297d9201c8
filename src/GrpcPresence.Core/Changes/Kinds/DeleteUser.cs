using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes.Kinds;

/// <summary>Deletes a user with its push bindings and ends its sessions. UserNotFound; EtagMismatch when an etag is given and is not the current one.</summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="key">The user.</param>
/// <param name="etag">The etag that must be the current one; empty for any.</param>
public sealed class DeleteUser(ServiceSid serviceSid, UserKey key, string etag) : RequestedChange<UserSid>
{
    private long _serviceId;
    private Identity _identity;

    internal override void Complete(IUserCells cells)
    {
        if (!IsRefused)
            cells.Find(serviceSid, _serviceId, _identity)?.Delete();
        base.Complete(cells);
    }

    private protected override UserSid DecideCore(ChangeBatch batch)
    {
        var service = batch.Service(serviceSid);
        var user = batch.User(service, key);
        if (etag.Length > 0 && etag != user.Etag)
            throw Refusals.EtagMismatch();

        (_serviceId, _identity) = (service.Record.Id, user.Identity);
        batch.Delete(service, user);
        return user.Sid;
    }
}
