using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of users.</summary>
public partial class PostgresPresenceStore
{
    // Users by SID ($2) and identity ($4) with the positions of these keys ($3, $5): each user once, at its first position, until the texts
    // have more than $6 bytes. The last row is the one that exceeds them.
    private const string FindUsers = $"""
        SELECT f.number, {Columns.OfUser} FROM (
            SELECT k.id, k.number, sum(k.bytes) OVER (ORDER BY k.number) - k.bytes AS before FROM (
                SELECT n.id, min(n.number) AS number, min(n.bytes) AS bytes FROM (
                    SELECT u.id, n.number, {Columns.BytesOfUser} AS bytes FROM unnest($2, $3) AS n (sid, number)
                    CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id - 0 = {ServiceId} AND sid = n.sid LIMIT 1) AS u
                    UNION ALL
                    SELECT u.id, n.number, {Columns.BytesOfUser} AS bytes FROM unnest($4, $5) AS n (identity, number)
                    CROSS JOIN LATERAL (
                        SELECT * FROM users WHERE service_id + 0 = {ServiceId} AND identity = n.identity LIMIT 1) AS u) AS n
                GROUP BY n.id) AS k) AS f
        CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id = {ServiceId} AND id = f.id LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = u.id
        WHERE f.before <= $6
        ORDER BY f.number
        """;

    // A page: the rows that the list examines ($3 of them), whether they are selected, and the users of those that are. It ends one row
    // after the limit of selected rows ($4) or of bytes ($5), so that the reader sees that a further one follows.
    private const string Page = $"""
        SELECT e.id, e.is_selected, {Columns.OfUser} FROM (
            SELECT c.id, c.is_selected, c.number, coalesce(sum(CASE WHEN c.is_selected THEN {Columns.BytesOfUser} END) OVER (
                    ORDER BY c.number ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0) AS bytes
            FROM (
                SELECT x.id, x.is_selected, x.number, count(*) FILTER (WHERE x.is_selected) OVER (
                        ORDER BY x.number ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS selected
                FROM examined AS x) AS c
            CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id = (SELECT id FROM s) AND id = c.id LIMIT 1) AS u
            WHERE c.selected < $4) AS e
        CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id = (SELECT id FROM s) AND id = e.id LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = e.id
        WHERE e.bytes < $5
        ORDER BY e.number
        """;

    // Users that became known in an earlier on-period are examined, but their is_online is not visible.
    private const string SelectVisible =
        "SELECT user_id AS id, known_revision >= (SELECT switched_on_revision FROM s) AS is_selected FROM presence";

    private static readonly string ListUsers = PageOf("SELECT id, true AS is_selected FROM users", "true", "id");
    private static readonly string ListUsersBefore = PageOf("SELECT id, true AS is_selected FROM users", "true", "id", isBackwards: true);

    private static readonly string ListOnline = PageOf(SelectVisible, "is_online", "user_id");
    private static readonly string ListOnlineBefore = PageOf(SelectVisible, "is_online", "user_id", isBackwards: true);

    private static readonly string ListOffline = PageOf(SelectVisible, "NOT is_online AND known_revision > 0", "user_id");
    private static readonly string ListOfflineBefore =
        PageOf(SelectVisible, "NOT is_online AND known_revision > 0", "user_id", isBackwards: true);

    private static readonly string ListKnown = PageOf(
        """
        SELECT id, (SELECT p.known_revision >= $6 AND p.revision <= $7 FROM presence AS p WHERE p.user_id = users.id) AS is_selected
        FROM users
        """,
        "true",
        "id");

    /// <inheritdoc/>
    public ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken) =>
        FindUsersAsync(service, keys, int.MaxValue, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> FindUsersAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, CancellationToken cancellationToken) =>
        ReadAsync<UsersRead>(
            service,
            (snapshot, found) =>
            {
                var users = new List<UserState>(keys.Count);
                var (bytes, cost, next) = (0, 0, (long?)null);
                AddUsersByKey(snapshot, service, keys, maxBytes, row =>
                {
                    var user = Columns.ReadUser(row, 1);
                    var size = BytesOf(user);
                    bytes += size;
                    cost += StoreCost.OfRow(size);
                    if (bytes > maxBytes)
                    {
                        next = user.Id;
                        return false;
                    }
                    users.Add(UserState.Of(service, user, found.Required.Configuration));
                    return true;
                });
                // A key that finds no user of its own was looked for as well.
                return () => new UsersRead(found.Required, users, next, next is null ? cost + Math.Max(0, keys.Count - users.Count) : cost);
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListUsersAsync(
        ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadPageAsync(
            service,
            online switch { null => ListUsers, true => ListOnline, false => ListOffline },
            afterId,
            limit,
            online is null ? limit + 1 : int.MaxValue,
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListUsersBeforeAsync(
        ServiceSid service, long beforeId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadPageAsync(
            service,
            online switch { null => ListUsersBefore, true => ListOnlineBefore, false => ListOfflineBefore },
            beforeId,
            limit,
            online is null ? limit + 1 : int.MaxValue,
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
        ReadPageAsync(
            service, ListKnown, afterId, limit, int.MaxValue, cancellationToken, Math.Max(knownSince, 1), upToRevision);

    /// <summary>Returns the statement that lists a page of the users of a service instance.</summary>
    private static string PageOf(string select, string condition, string key, bool isBackwards = false)
    {
        var (comparison, direction) = isBackwards ? ("<", "DESC") : (">", "ASC");
        // While reachability is off, no user is visibly online or offline.
        var service = condition == "true" ? "(SELECT id FROM s)" : "(SELECT id FROM s WHERE reachability_enabled)";
        return $"""
            WITH s AS (SELECT id, reachability_enabled, switched_on_revision FROM services WHERE sid = $1 AND NOT is_deleted),
            examined AS (
                SELECT x.id, x.is_selected, row_number() OVER (ORDER BY x.id {direction}) AS number FROM (
                    {select} WHERE service_id = {service} AND {key} {comparison} $2 AND {condition}
                    ORDER BY {key} {direction} LIMIT $3) AS x)
            {Page}
            """;
    }

    /// <summary>Adds the statement that reads users by their keys, in the order of these.</summary>
    private static void AddUsersByKey(
        Snapshot snapshot, ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, Func<Row, bool> read)
    {
        var (sids, sidNumbers, identities, identityNumbers) = (new List<Guid>(), new List<int>(), new List<byte[]>(), new List<int>());
        for (var number = 0; number < keys.Count; number++)
        {
            if (keys[number].IsSid)
            {
                sids.Add(SidGuid.Of(keys[number].Sid.Value));
                sidNumbers.Add(number);
            }
            else
            {
                identities.Add(Utf8.Of(keys[number].Identity.ToString()));
                identityNumbers.Add(number);
            }
        }
        snapshot.Add(FindUsers, read)
            .With(SidGuid.Of(service.Value), sids, sidNumbers, identities, identityNumbers)
            .With((long)maxBytes);
    }

    /// <summary>Returns the bytes of the texts of a user.</summary>
    private static int BytesOf(UserRecord user) =>
        Utf8.Count(user.Identity.ToString()) + Utf8.Count(user.FriendlyName) + Utf8.Count(user.Attributes);

    /// <summary>
    /// Reads a page. The server sends one row beyond the end of the page, so that the reader knows whether a further one follows.
    /// </summary>
    private ValueTask<UsersRead> ReadPageAsync(
        ServiceSid service,
        string sql,
        long id,
        int limit,
        int examined,
        CancellationToken cancellationToken,
        params long[] further) =>
        ReadAsync<UsersRead>(
            service,
            (snapshot, found) =>
            {
                var users = new List<UserState>();
                var (rows, last, cost, bytes, next) = (0, 0L, 0, 0, (long?)null);
                var statement = snapshot.Add(sql, row =>
                {
                    if (users.Count == limit || rows == Limits.RowsPerPage || bytes >= Limits.PageBytes)
                    {
                        next = last;
                        return false;
                    }
                    rows++;
                    last = row.Int64(0);
                    if (!row.Flag(1))
                    {
                        cost += StoreCost.OfRow(0);
                        return true;
                    }
                    var user = Columns.ReadUser(row, 2);
                    var size = BytesOf(user);
                    cost += StoreCost.OfRow(size);
                    bytes += size;
                    users.Add(UserState.Of(service, user, found.Required.Configuration));
                    return true;
                });
                statement
                    .With(SidGuid.Of(service.Value), id, Math.Min(examined, Limits.RowsPerPage + 1), (long)limit)
                    .With((long)Limits.PageBytes);
                foreach (var parameter in further)
                    statement.With(parameter);
                return () => new UsersRead(found.Required, users, next, cost);
            },
            cancellationToken);
}
