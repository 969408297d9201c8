using System.Collections.Immutable;
using GrpcPresence.Core.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A token, and what the client knew when it had taken in the message that brought it.</summary>
internal sealed record Bookmark(ResumeToken Token, ImmutableDictionary<UserSid, Seen> Users);
