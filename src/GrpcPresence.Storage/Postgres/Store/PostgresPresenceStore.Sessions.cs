using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of what the tracker continues after a restart: the uptime, the online users and the ended sessions.</summary>
public partial class PostgresPresenceStore
{
    private const string FindUptime = "SELECT alive_time, total FROM uptime";

    // service_id + 0 in both: a plan that begins with the service instances would sort all rows for each page.
    private const string ListOnlineUsers = """
        SELECT p.user_id, s.sid, u.sid, u.identity, p.last_alive
        FROM presence AS p
        JOIN services AS s ON s.id = p.service_id + 0
        JOIN users AS u ON u.service_id = p.service_id AND u.id = p.user_id
        WHERE p.is_online AND p.user_id > $1 AND NOT s.is_deleted AND s.reachability_enabled
            AND p.known_revision > 0 AND p.known_revision >= s.switched_on_revision
        ORDER BY p.user_id LIMIT $2
        """;

    private const string ListEndedSessions = """
        SELECT e.id, s.sid, e.identity, e.session_id, e.until
        FROM ended_sessions AS e JOIN services AS s ON s.id = e.service_id + 0
        WHERE e.id > $1 AND NOT s.is_deleted
        ORDER BY e.id LIMIT $2
        """;

    /// <inheritdoc/>
    public ValueTask<ServerUptime> FindUptimeAsync(CancellationToken cancellationToken) =>
        ReadAsync<ServerUptime>(
            snapshot =>
            {
                var uptime = default(ServerUptime);
                snapshot.Add(FindUptime, row => uptime = new ServerUptime(row.OptionalTime(0), row.Duration(1)));
                return () => uptime;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ListOnlineUsersAsync((snapshot, read) => snapshot.Add(ListOnlineUsers, read).With(afterId, limit), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        long afterId, int limit, CancellationToken cancellationToken) =>
        ListEndedSessionsAsync((snapshot, read) => snapshot.Add(ListEndedSessions, read).With(afterId, limit), cancellationToken);

    /// <summary>Lists online users with a statement whose columns are those of the list of all.</summary>
    private protected ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(
        Action<Snapshot, Action<Row>> add, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredOnlineUser>>(
            snapshot =>
            {
                var users = new List<StoredOnlineUser>();
                add(snapshot, row => users.Add(new StoredOnlineUser(
                    row.Int64(0),
                    new ServiceSid(row.Sid(1)),
                    new UserSid(row.Sid(2)),
                    Identity.FromTrusted(row.Text(3)),
                    row.Duration(4))));
                return () => users;
            },
            cancellationToken);

    /// <summary>Lists ended sessions with a statement whose columns are those of the list of all.</summary>
    private protected ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        Action<Snapshot, Action<Row>> add, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredEndedSession>>(
            snapshot =>
            {
                var sessions = new List<StoredEndedSession>();
                add(snapshot, row => sessions.Add(new StoredEndedSession(
                    row.Int64(0),
                    new ServiceSid(row.Sid(1)),
                    Identity.FromTrusted(row.Text(2)),
                    SessionId.FromTrusted(row.Text(3)),
                    row.Duration(4))));
                return () => sessions;
            },
            cancellationToken);
}
