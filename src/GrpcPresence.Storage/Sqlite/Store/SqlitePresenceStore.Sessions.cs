using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of what the tracker continues after a restart: the uptime and the ended sessions.</summary>
public sealed partial class SqlitePresenceStore
{
    private const string FindUptime = "SELECT alive_time, total FROM uptime";

    private const string ListEndedSessions = """
        SELECT e.id, s.sid, e.identity, e.session_id, e.until
        FROM ended_sessions AS e CROSS JOIN services AS s ON s.id = e.service_id
        WHERE e.id > $after_id AND s.is_deleted = 0
        ORDER BY e.id LIMIT $limit
        """;

    /// <inheritdoc/>
    public ValueTask<ServerUptime> FindUptimeAsync(CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                using var rows = reader.Prepare(FindUptime).Query();
                return rows.Read() ? new ServerUptime(rows.Row.OptionalTime(0), rows.Row.Duration(1)) : default;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredEndedSession>>(
            reader =>
            {
                using var rows = reader.Prepare(ListEndedSessions).Bind(afterId, limit).Query();
                var sessions = new List<StoredEndedSession>();
                while (rows.Read())
                {
                    var row = rows.Row;
                    sessions.Add(new StoredEndedSession(
                        row.Int64(0),
                        new ServiceSid(row.Sid(1)),
                        Identity.FromTrusted(row.Text(2)),
                        SessionId.FromTrusted(row.Text(3)),
                        row.Duration(4)));
                }
                return sessions;
            },
            cancellationToken);
}
