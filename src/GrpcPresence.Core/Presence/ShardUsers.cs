namespace GrpcPresence.Core.Presence;

/// <summary>Does something with the users of a shard, for a bounded time under each hold of the lock.</summary>
internal static class ShardUsers
{
    /// <summary>Calls the action for each user that is still tracked, under the lock.</summary>
    public static void ForEach(TrackerPart part, IReadOnlyList<TrackedUser> users, Action<TrackedUser> action)
    {
        for (var next = 0; next < users.Count;)
        {
            lock (part.Gate)
            {
                for (var end = Math.Min(next + TrackerPart.UsersPerHold, users.Count); next < end; next++)
                {
                    if (part.Tracks(users[next]))
                        action(users[next]);
                }
            }
        }
    }
}
