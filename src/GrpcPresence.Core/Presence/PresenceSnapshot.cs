using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>The tracked state of a user at the moment when the writer takes it.</summary>
/// <param name="IsOnline">Whether any session lives.</param>
/// <param name="CameOnline">
/// Whether any session began since the last take. If so, reachability becomes visible (not null), even if the session has already ended.
/// </param>
/// <param name="MayCreate">Whether a heartbeat named the user by identity, so that the writer may create an unknown user.</param>
/// <param name="Sid">The SID of the user that the sessions name; <c>default</c> if only the identity is known.</param>
/// <param name="LastKnown">
/// When an earlier process last knew the user alive, if the user is offline and sent no heartbeat to this one; otherwise null.
/// </param>
internal readonly record struct PresenceSnapshot(
    bool IsOnline, bool CameOnline, bool MayCreate, UserSid Sid, DateTimeOffset? LastKnown = null);
