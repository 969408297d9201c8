using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Removes a push binding. PushBindingNotFound. Takes a revision if it changes the user's visible <c>is_notifiable</c>.</summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="bindingSid">The push binding.</param>
/// <param name="owner">The user that must own it, because an end user sees only their own; null allows any owner.</param>
public sealed class DeletePushBinding(ServiceSid serviceSid, BindingSid bindingSid, Identity? owner = null) : Command<BindingSid>
{
    private protected override BindingSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        var binding = batch.Store.FindBinding(service.Record.Id, bindingSid);
        if (binding is null || (owner is { } required && required != binding.Identity))
            throw PresenceErrors.PushBindingNotFound(bindingSid);
        var user = batch.User(service, new UserKey(binding.UserSid));
        batch.Store.DeleteBinding(binding);
        BindingCount.Change(batch, service, user, by: -1);
        return bindingSid;
    }
}
