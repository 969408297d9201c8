using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Webhooks;

/// <summary>What is to be told of one user, in this order: the creation, then everything else. A user that has both is first added, then updated.</summary>
/// <param name="User">The user.</param>
/// <param name="Added">The reasons of the first event; none when it does not fire.</param>
/// <param name="Updated">The reasons of the second event; none when it does not fire.</param>
internal readonly record struct UserEvents(UserState User, UpdateReasons Added, UpdateReasons Updated)
{
    /// <summary>Whether nothing fires.</summary>
    public bool IsEmpty => (Added | Updated) == UpdateReasons.None;

    /// <summary>The events that fire for the reasons under the settings.</summary>
    public static UserEvents Of(UserState user, UpdateReasons reasons, WebhookSettings settings) => new(
        user,
        settings.Filters.Contains(WebhookEvents.UserAdded) ? reasons & UpdateReasons.Created : UpdateReasons.None,
        settings.Filters.Contains(WebhookEvents.UserUpdated) ? reasons & ~UpdateReasons.Created : UpdateReasons.None);
}
