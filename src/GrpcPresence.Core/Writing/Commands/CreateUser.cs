using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Creates a user. UserAlreadyExists if another user has the identity; QuotaExceeded if the service instance has the maximum number of
/// users.
/// </summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="identity">The identity.</param>
/// <param name="friendlyName">The display name.</param>
/// <param name="attributes">A JSON object as text.</param>
/// <param name="roleSid">The role; empty takes the configuration's default.</param>
public sealed class CreateUser(ServiceSid serviceSid, Identity identity, string friendlyName, string attributes, RoleSid roleSid)
    : Command<UserState>
{
    /// <summary>Whether the change triggers no webhooks.</summary>
    public bool SkipsWebhooks { get; init; }

    /// <inheritdoc/>
    public override CommandSubject Subject => new(serviceSid, new UserKey(identity));

    internal override ServiceSid? Target => serviceSid;

    private protected override void CollectCore(KeyCollector keys) => keys.User(serviceSid, new UserKey(identity));

    private protected override UserState DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        if (service.Rows.FindUser(new UserKey(identity)) is not null)
            throw PresenceErrors.UserAlreadyExists(identity);
        var user = batch.NewUser(service, identity);
        user = user with
        {
            FriendlyName = friendlyName,
            Attributes = attributes,
            RoleSid = roleSid.IsEmpty ? user.RoleSid : roleSid,
            QuietReasons = SkipsWebhooks ? UpdateReasons.Created : UpdateReasons.None,
        };
        return service.Add(CommandBatch.Insert(service, user), UpdateReasons.Created, previous: 0);
    }
}
