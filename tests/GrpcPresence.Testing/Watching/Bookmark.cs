using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>A token, and what the client knew when it had taken in the message that brought it.</summary>
/// <param name="Token">The token.</param>
/// <param name="Users">What it knew.</param>
/// <param name="HadSnapshot">Whether it was sent everybody, so that whom it did not know did not exist.</param>
public sealed record Bookmark(ResumeToken Token, ImmutableDictionary<UserSid, Seen> Users, bool HadSnapshot);
