using Dapper;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Removes rows that are no longer needed.</summary>
internal static class Purge
{
    // In this order, because each refers to the next ones.
    private static readonly string[] PurgeOfService =
    [
        "DELETE FROM push_bindings WHERE id IN (SELECT id FROM push_bindings WHERE service_id = @ServiceId LIMIT @Limit)",
        "DELETE FROM users WHERE id IN (SELECT id FROM users WHERE service_id = @ServiceId LIMIT @Limit)",
        """
        DELETE FROM tombstones WHERE service_id = @ServiceId
            AND revision IN (SELECT revision FROM tombstones WHERE service_id = @ServiceId LIMIT @Limit)
        """,
        """
        DELETE FROM timeline_cuts WHERE service_id = @ServiceId
            AND timeline_seq IN (SELECT timeline_seq FROM timeline_cuts WHERE service_id = @ServiceId LIMIT @Limit)
        """,
        "DELETE FROM ended_sessions WHERE id IN (SELECT id FROM ended_sessions WHERE service_id = @ServiceId LIMIT @Limit)",
        "DELETE FROM webhooks WHERE service_id IN (SELECT @ServiceId LIMIT @Limit)",
        "DELETE FROM notifications WHERE service_id IN (SELECT @ServiceId LIMIT @Limit)",
        "DELETE FROM services WHERE id IN (SELECT @ServiceId LIMIT @Limit)",
    ];

    /// <summary>Removes at most so many rows, and returns how many.</summary>
    public static int Run(SqliteConnection connection, DateTimeOffset tombstonesBefore, int limit)
    {
        var removed = PurgeDeletedServices(connection, limit);
        removed += PurgeTombstones(connection, tombstonesBefore, limit - removed);
        return removed + PurgeEndedSessions(connection, limit - removed);
    }

    private static int PurgeEndedSessions(SqliteConnection connection, int limit) => connection.Execute(
        """
        DELETE FROM ended_sessions WHERE id IN (
            SELECT id FROM ended_sessions WHERE until <= (SELECT total FROM uptime) ORDER BY until LIMIT @Limit)
        """,
        new { Limit = limit });

    private static int PurgeDeletedServices(SqliteConnection connection, int limit)
    {
        var removed = 0;
        while (removed < limit
            && connection.ExecuteScalar<long?>("SELECT id FROM services WHERE is_deleted = 1 ORDER BY id LIMIT 1") is { } serviceId)
        {
            foreach (var sql in PurgeOfService)
            {
                removed += connection.Execute(sql, new { ServiceId = serviceId, Limit = limit - removed });
                if (removed == limit)
                    break;
            }
        }
        return removed;
    }

    private static int PurgeTombstones(SqliteConnection connection, DateTimeOffset before, int limit)
    {
        if (limit == 0)
            return 0;
        var old = connection.Query<(long ServiceId, long Revision)>(
            "SELECT service_id, revision FROM tombstones WHERE delete_time < @Before ORDER BY delete_time LIMIT @Limit",
            new { Before = before.UtcTicks, Limit = limit }).AsList();
        foreach (var service in old.GroupBy(tombstone => tombstone.ServiceId, tombstone => tombstone.Revision))
        {
            connection.Execute(
                "UPDATE services SET purged_revision = max(purged_revision, @Revision) WHERE id = @ServiceId",
                new { ServiceId = service.Key, Revision = service.Max() });
        }
        connection.Execute(
            "DELETE FROM tombstones WHERE service_id = @ServiceId AND revision = @Revision",
            old.Select(tombstone => new { tombstone.ServiceId, tombstone.Revision }));
        return old.Count;
    }
}
