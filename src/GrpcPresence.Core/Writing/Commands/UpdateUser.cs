using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Changes the profile of a user. UserNotFound; EtagMismatch if the given etag is not the current one; FieldInvalid if SID and identity
/// name different users.
/// </summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="key">The user.</param>
/// <param name="identity">The identity that the user must have; null for any.</param>
/// <param name="etag">The etag that must be the current one; empty for any.</param>
/// <param name="edit">The edit.</param>
public sealed class UpdateUser(ServiceSid serviceSid, UserKey key, Identity? identity, string etag, UserEdit edit)
    : Command<UserState>
{
    /// <summary>The service instance.</summary>
    public ServiceSid Service => serviceSid;

    /// <summary>The user.</summary>
    public UserKey Key => key;

    /// <summary>The edit.</summary>
    public UserEdit Edit => edit;

    /// <summary>Whether the change triggers no webhooks.</summary>
    public bool SkipsWebhooks { get; init; }

    /// <inheritdoc/>
    public override CommandSubject Subject => new(serviceSid, key);

    internal override ServiceSid? Target => serviceSid;

    private protected override void CollectCore(KeyCollector keys) => keys.User(serviceSid, key);

    private protected override UserState DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        var before = CommandBatch.User(service, key);
        if (identity is { } expected && expected != before.Identity)
            throw new PresenceException([new Violation("user.identity", ErrorReason.FieldInvalid, "names another user than user.sid")]);
        if (etag.Length > 0 && etag != before.Etag)
            throw PresenceErrors.EtagMismatch();

        var revision = service.NextRevision;
        var after = edit.Apply(before, revision);
        if (after == before)
            return UserState.Of(serviceSid, before, service.Configuration);
        var reasons = after.ReasonsSince(revision - 1);
        after = after with
        {
            Revision = revision,
            UpdateTime = batch.Now,
            QuietReasons = SkipsWebhooks ? before.QuietReasons | reasons : before.QuietReasons & ~reasons,
        };
        service.TakeRevision();
        service.Rows.Update(after);
        return service.Add(after, reasons, before.Revision);
    }
}
