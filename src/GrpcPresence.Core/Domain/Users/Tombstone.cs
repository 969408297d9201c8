namespace GrpcPresence.Core.Domain.Users;

/// <summary>The record of a deleted user, from which disconnected watchers learn of the deletion.</summary>
/// <param name="Sid">The SID, never reused.</param>
/// <param name="Identity">The identity, which a new user may take.</param>
/// <param name="Revision">The revision of the deletion.</param>
/// <param name="DeleteTime">When the user was deleted.</param>
public sealed record Tombstone(UserSid Sid, Identity Identity, long Revision, DateTimeOffset DeleteTime);
