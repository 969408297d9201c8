using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Testing;

/// <summary>Purges the data of <see cref="InMemoryPresenceStore"/>.</summary>
internal static class InMemoryPurge
{
    /// <summary>
    /// Returns the data after the purge, and the number of removed rows. With a node, purges only service instances whose home shard it
    /// holds.
    /// </summary>
    public static (StoreImage Image, int Removed) Apply(StoreImage image, DateTimeOffset tombstonesBefore, int limit, NodeId? node)
    {
        var removed = 0;
        foreach (var service in image.Services.Values)
        {
            if (node is { } home && !image.Cluster.IsHeld(Shard.Of(service.Record.Sid), home))
                continue;
            var left = service;
            if (left.IsDeleted)
            {
                var bindings = left.Bindings.Keys.Take(limit - removed).ToList();
                left = left with { Bindings = left.Bindings.RemoveRange(bindings) };
                removed += bindings.Count;
                foreach (var userId in left.Users.Keys.Take(limit - removed))
                {
                    left = left.Remove(userId);
                    removed++;
                }
            }
            var old = left.Tombstones.Values.Where(t => left.IsDeleted || t.DeleteTime < tombstonesBefore).Take(limit - removed).ToList();
            removed += old.Count;
            if (old.Count > 0)
            {
                left = left with
                {
                    Tombstones = left.Tombstones.RemoveRange(old.Select(t => t.Revision)),
                    Record = left.Record with { PurgedRevision = Math.Max(left.Record.PurgedRevision, old.Max(t => t.Revision)) },
                };
            }
            var over = left.EndedSessions.Where(e => left.IsDeleted || e.Value.Until <= image.Uptime.Total).Take(limit - removed).ToList();
            removed += over.Count;
            left = left with { EndedSessions = left.EndedSessions.RemoveRange(over.Select(e => e.Key)) };
            image = image.With(left);
            var isEmpty = left.EndedSessions.IsEmpty && left.Bindings.IsEmpty && left.Users.IsEmpty && left.Tombstones.IsEmpty;
            if (left.IsDeleted && isEmpty && removed < limit)
            {
                image = image with { Services = image.Services.Remove(left.Record.Id) };
                removed++;
            }
        }
        return (image, removed);
    }
}
