using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of users.</summary>
public sealed partial class SqlitePresenceStore
{
    private const string FindUserBySid = $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.sid = $sid";

    private const string FindUserByIdentity =
        $"SELECT {Columns.OfUser} FROM users AS u WHERE u.service_id = $service_id AND u.identity = $identity";

    private const string ListUsers = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id > $after_id
        ORDER BY u.id LIMIT $limit
        """;

    // The lists of online and of offline users examine users that became known in an earlier on-period, whose is_online is not visible.
    // Such users are skipped by the program, which counts them.
    private const string ListOffline = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_offline
        WHERE u.service_id = $service_id AND u.id > $after_id AND u.is_online = 0 AND u.known_revision > 0
        ORDER BY u.id LIMIT $limit
        """;

    private const string ListOnline = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_online
        WHERE u.service_id = $service_id AND u.id > $after_id AND u.is_online = 1 AND u.known_revision > 0
        ORDER BY u.id LIMIT $limit
        """;

    private const string ListUsersBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id < $before_id
        ORDER BY u.id DESC LIMIT $limit
        """;

    private const string ListOfflineBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_offline
        WHERE u.service_id = $service_id AND u.id < $before_id AND u.is_online = 0 AND u.known_revision > 0
        ORDER BY u.id DESC LIMIT $limit
        """;

    private const string ListOnlineBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_online
        WHERE u.service_id = $service_id AND u.id < $before_id AND u.is_online = 1 AND u.known_revision > 0
        ORDER BY u.id DESC LIMIT $limit
        """;

    // NOT INDEXED forces the plan: one pass over the users by key. A join would look the service instance up for each
    // user, so the caller does it once for each service instance. It stops when the page is full.
    private const string ListOnlineUsers = """
        SELECT u.id, u.service_id, u.sid, u.identity, u.last_alive, u.known_revision
        FROM users AS u NOT INDEXED
        WHERE u.is_online = 1 AND u.known_revision > 0 AND u.id > $after_id
        ORDER BY u.id
        """;

    /// <inheritdoc/>
    public ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken) =>
        FindUsersAsync(service, keys, int.MaxValue, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> FindUsersAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                var users = new List<UserState>(keys.Count);
                var seen = new HashSet<long>(keys.Count);
                var (cost, bytes) = (0, 0);
                foreach (var key in keys)
                {
                    if (FindUser(reader, record, key, ref cost, out var size) is not { } user || !seen.Add(user.Id))
                        continue;
                    bytes += size;
                    if (bytes > maxBytes)
                        return new UsersRead(record, users, user.Id, cost);
                    users.Add(UserState.Of(record.Sid, user, record.Configuration));
                }
                return new UsersRead(record, users, Next: null, cost);
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListUsersAsync(
        ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => ReadUsers(
                reader,
                service,
                online switch { null => ListUsers, true => ListOnline, false => ListOffline },
                afterId,
                limit,
                online),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListUsersBeforeAsync(
        ServiceSid service, long beforeId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => ReadUsers(
                reader,
                service,
                online switch { null => ListUsersBefore, true => ListOnlineBefore, false => ListOfflineBefore },
                beforeId,
                limit,
                online),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                return ReadUsers(record, Examine(reader, ListUsers, record, afterId), limit, Math.Max(knownSince, 1), upToRevision);
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredOnlineUser>>(
            reader =>
            {
                using var rows = reader.Prepare(ListOnlineUsers).Bind(afterId).Query();
                var users = new List<StoredOnlineUser>(limit);
                var services = new Dictionary<long, ServiceRecord?>();
                while (users.Count < limit && rows.Read())
                {
                    var row = rows.Row;
                    if (!services.TryGetValue(row.Int64(1), out var service))
                        services.Add(row.Int64(1), service = reader.TryService(row.Int64(1)));
                    if (service is null || !service.Configuration.ShowsReachabilitySince(row.Int64(5)))
                        continue;
                    users.Add(new StoredOnlineUser(
                        row.Int64(0), service.Sid, new UserSid(row.Sid(2)), Identity.FromTrusted(row.Text(3)), row.Duration(4)));
                }
                return users;
            },
            cancellationToken);

    /// <summary>Returns the user, or null, and adds the cost of looking for it.</summary>
    private static UserRecord? FindUser(Reader reader, ServiceRecord service, UserKey key, ref int cost) =>
        FindUser(reader, service, key, ref cost, out _);

    private static UserRecord? FindUser(Reader reader, ServiceRecord service, UserKey key, ref int cost, out int size)
    {
        using var rows = key.IsSid
            ? reader.Prepare(FindUserBySid).Bind(service.Id, key.Sid.Value).Query()
            : reader.Prepare(FindUserByIdentity).Bind(service.Id, key.Identity.ToString()).Query();
        var isFound = rows.Read();
        size = isFound ? Columns.BytesOfUser(rows.Row) : 0;
        cost += StoreCost.OfRow(size);
        return isFound ? Columns.ReadUser(rows.Row) : null;
    }

    private static UsersRead ReadUsers(Reader reader, ServiceSid service, string statement, long id, int limit, bool? online)
    {
        var record = reader.Service(service);
        var rows = Examine(reader, statement, record, id);
        if (online is null)
            return ReadUsers(record, rows, limit);
        return record.Configuration.ReachabilityEnabled
            ? ReadUsers(record, rows, limit, record.Configuration.SwitchedOnRevision)
            : new UsersRead(record, [], Next: null, Cost: 1);
    }

    /// <summary>Returns a statement that lists the users of a service instance, up to the row at which every page ends.</summary>
    private static Statement Examine(Reader reader, string statement, ServiceRecord service, long id) =>
        reader.Prepare(statement).Bind(service.Id, id, Limits.RowsPerPage + 1);

    /// <summary>
    /// Reads a page. It reads one row beyond the end of the page, to know whether a further one follows, and decodes only the rows that it
    /// returns.
    /// </summary>
    private static UsersRead ReadUsers(
        ServiceRecord service, Statement statement, int limit, long knownSince = 0, long upToRevision = long.MaxValue)
    {
        using var rows = statement.Query();
        var users = new List<UserState>();
        var (examined, last, cost, bytes) = (0, 0L, 0, 0);
        while (rows.Read())
        {
            if (users.Count == limit || examined == Limits.RowsPerPage || bytes >= Limits.PageBytes)
                return new UsersRead(service, users, last, cost);
            var row = rows.Row;
            examined++;
            last = row.Int64(0);
            var isSelected = Columns.IsKnown(row, knownSince, upToRevision);
            var size = isSelected ? Columns.BytesOfUser(row) : 0;
            cost += StoreCost.OfRow(size);
            bytes += size;
            if (isSelected)
                users.Add(UserState.Of(service.Sid, Columns.ReadUser(row), service.Configuration));
        }
        return new UsersRead(service, users, Next: null, cost);
    }
}
