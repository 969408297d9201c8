using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>What a cell said when the writer took it.</summary>
/// <param name="Vouched">Whether any session lives.</param>
/// <param name="CameOnline">Whether any session began since the cell was last taken: null becomes visible even when it is over already.</param>
/// <param name="MayCreate">Whether a heartbeat named the user by identity, so that an unknown one may be created.</param>
/// <param name="Sid">The SID of the user whom the sessions name; <c>default</c> when only the identity is known.</param>
public readonly record struct PresenceSnapshot(bool Vouched, bool CameOnline, bool MayCreate, UserSid Sid);
