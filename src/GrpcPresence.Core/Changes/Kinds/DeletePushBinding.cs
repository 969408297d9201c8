using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes.Kinds;

/// <summary>Removes a push binding. PushBindingNotFound. Takes a revision when it alters the user's visible <c>is_notifiable</c>.</summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="bindingSid">The push binding.</param>
/// <param name="owner">Whose it must be: for an end user there are no others; null for anybody's.</param>
public sealed class DeletePushBinding(ServiceSid serviceSid, BindingSid bindingSid, Identity? owner = null) : RequestedChange<BindingSid>
{
    private protected override BindingSid DecideCore(ChangeBatch batch)
    {
        var service = batch.Service(serviceSid);
        var binding = batch.Store.FindBinding(service.Record.Id, bindingSid);
        if (binding is null || (owner is { } required && required != binding.Identity))
            throw Refusals.PushBindingNotFound(bindingSid);
        var user = batch.User(service, new UserKey(binding.UserSid));
        batch.Store.DeleteBinding(binding);
        BindingCount.Change(batch, service, user, by: -1);
        return bindingSid;
    }
}
