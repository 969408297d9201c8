using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>A change of a user.</summary>
/// <param name="User">
/// The user after the change. After a deletion, only the SID, the identity and the revision are set.
/// </param>
/// <param name="Previous">The user before the change; null if the watch did not know the user.</param>
/// <param name="UpdateReasons">What changed; at least one reason.</param>
public sealed record UserUpdate(PresenceUser User, PresenceUser? Previous, IReadOnlyList<UpdateReason> UpdateReasons)
{
    /// <summary>Whether the user was deleted.</summary>
    public bool IsDeleted => UpdateReasons.Contains(UpdateReason.Deleted);
}
