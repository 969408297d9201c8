using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>What the deletion of a user does to its sessions.</summary>
/// <param name="Ended">The sessions whose ids stay ended, each up to an uptime of the server.</param>
/// <param name="Dropped">Earlier ended sessions whose ids make room, so that each user has few.</param>
public sealed record SessionsToEnd(
    IReadOnlyList<(SessionId Session, TimeSpan Until)> Ended, IReadOnlyList<SessionId> Dropped)
{
    /// <summary>No sessions.</summary>
    public static SessionsToEnd None { get; } = new([], []);
}
