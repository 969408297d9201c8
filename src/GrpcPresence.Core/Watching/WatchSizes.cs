using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Watching;

/// <summary>The sizes of what a watch holds and reads.</summary>
/// <param name="PendingUsers">See <see cref="Limits.PendingUsersPerWatcher"/>.</param>
/// <param name="Page">See <see cref="Limits.WatchPageSize"/>.</param>
internal sealed record WatchSizes(int PendingUsers, int Page)
{
    public static WatchSizes Default { get; } = new(Limits.PendingUsersPerWatcher, Limits.WatchPageSize);
}
