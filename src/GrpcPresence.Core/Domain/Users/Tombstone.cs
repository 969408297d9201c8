namespace GrpcPresence.Core.Domain.Users;

/// <summary>What remains of a deleted user, so that watchers that were away learn of it.</summary>
/// <param name="Sid">The SID, never used again.</param>
/// <param name="Identity">The identity, free for a new user.</param>
/// <param name="Revision">The revision of the deletion.</param>
/// <param name="DeleteTime">When the user was deleted.</param>
public sealed record Tombstone(UserSid Sid, Identity Identity, long Revision, DateTimeOffset DeleteTime);
