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
    /// <inheritdoc/>
    public override CommandSubject Subject =>
        owner is { } user ? new CommandSubject(serviceSid, new UserKey(user)) : new CommandSubject(serviceSid, Binding: bindingSid);

    internal override ServiceSid? Target => serviceSid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(serviceSid).AddBinding(bindingSid);

    private protected override BindingSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        var binding = service.Rows.FindBinding(bindingSid);
        if (binding is null || (owner is { } required && required != binding.Identity))
            throw PresenceErrors.PushBindingNotFound(bindingSid);
        var user = CommandBatch.User(service, new UserKey(binding.UserSid));
        service.Rows.DeleteBinding(binding);
        BindingCount.Change(service, user, by: -1);
        return bindingSid;
    }
}
