using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>Which user a request means.</summary>
/// <param name="Identity">The identity.</param>
/// <param name="Sid">The SID when the request named the user by it: another user with the same identity is not meant.</param>
/// <param name="MayCreate">Whether a heartbeat may create the user: never one who is named by SID.</param>
public readonly record struct UserRef(Identity Identity, UserSid? Sid, bool MayCreate);
