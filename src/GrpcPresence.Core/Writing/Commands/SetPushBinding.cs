using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Registers a push address of a user. An address that another user has moves to the user. UserNotFound; PushBindingLimitExceeded. Takes a
/// revision for each user whose visible <c>is_notifiable</c> it changes, and for a user whose address an end user takes.
/// </summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="key">The user.</param>
/// <param name="type">The push service.</param>
/// <param name="endpoint">The address.</param>
/// <param name="byEndUser">
/// Whether an end user registers it. An address of another user then gets a new push binding. A SID and a time of the former owner would
/// tell the end user that somebody has registered the address before, and when.
/// </param>
public sealed class SetPushBinding(ServiceSid serviceSid, UserKey key, BindingType type, string endpoint, bool byEndUser = false)
    : Command<PushBinding>
{
    /// <summary>The user whose push binding the end user took; null for any other outcome. Valid once the command is committed.</summary>
    public UserSid? FormerOwner { get; private set; }

    /// <inheritdoc/>
    public override CommandSubject Subject => new(serviceSid, key);

    internal override ServiceSid? Target => serviceSid;

    private protected override void CollectCore(KeyCollector keys)
    {
        keys.User(serviceSid, key);
        keys.Service(serviceSid).AddBinding(type, endpoint);
    }

    private protected override PushBinding DecideCore(CommandBatch batch)
    {
        FormerOwner = null; // of an earlier decision, in a batch that failed
        var service = batch.Service(serviceSid);
        var user = CommandBatch.User(service, key);
        var present = service.Rows.FindBinding(type, endpoint);
        if (present?.UserSid == user.Sid)
            return present;
        if (user.BindingCount >= Limits.BindingsPerUser)
            throw PresenceErrors.PushBindingLimitExceeded(Limits.BindingsPerUser);

        if (present is not null)
        {
            var previous = CommandBatch.User(service, new UserKey(present.UserSid));
            BindingCount.Change(service, previous, by: -1, wasTaken: byEndUser);
            if (byEndUser)
            {
                FormerOwner = present.UserSid;
                service.Rows.DeleteBinding(present);
                present = null;
            }
        }
        if (present is null)
        {
            present = service.Rows.InsertBinding(user, new PushBinding
            {
                Sid = RandomSids.NewBindingSid(),
                UserSid = user.Sid,
                Identity = user.Identity,
                Type = type,
                Endpoint = endpoint,
                CreateTime = batch.Now,
            });
        }
        else
        {
            present = present with { UserSid = user.Sid, Identity = user.Identity };
            service.Rows.MoveBinding(present, user);
        }
        BindingCount.Change(service, user, by: 1);
        return present;
    }
}
