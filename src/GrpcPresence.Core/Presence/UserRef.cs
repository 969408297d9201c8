using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>The user of a request.</summary>
/// <param name="Identity">The identity.</param>
/// <param name="Sid">The SID if the request named the user by it. Then another user with the same identity is not meant.</param>
/// <param name="MayCreate">Whether a heartbeat may create the user; false for a user named by SID.</param>
public readonly record struct UserRef(Identity Identity, UserSid? Sid, bool MayCreate);
