using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>A token, and what the client knew after the message that contained it.</summary>
/// <param name="Token">The token.</param>
/// <param name="Users">The users that the client knew.</param>
/// <param name="HadSnapshot">Whether the client received all users, so that an unknown user did not exist.</param>
public sealed record Bookmark(ResumeToken Token, ImmutableDictionary<UserSid, Seen> Users, bool HadSnapshot);
