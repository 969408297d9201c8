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

    // Known in the present on-period: is_online of an earlier period is not visible.
    private const string ListVisiblyOffline = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id > $after_id
            AND u.is_online = 0 AND u.known_revision > 0 AND u.known_revision >= $known_since
        ORDER BY u.id LIMIT $limit
        """;

    private const string ListVisiblyOnline = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_online
        WHERE u.service_id = $service_id AND u.id > $after_id
            AND u.is_online = 1 AND u.known_revision > 0 AND u.known_revision >= $known_since
        ORDER BY u.id LIMIT $limit
        """;

    private const string ListUsersBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id < $before_id
        ORDER BY u.id DESC LIMIT $limit
        """;

    private const string ListVisiblyOfflineBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id < $before_id
            AND u.is_online = 0 AND u.known_revision > 0 AND u.known_revision >= $known_since
        ORDER BY u.id DESC LIMIT $limit
        """;

    private const string ListVisiblyOnlineBefore = $"""
        SELECT {Columns.OfUser} FROM users AS u INDEXED BY users_online
        WHERE u.service_id = $service_id AND u.id < $before_id
            AND u.is_online = 1 AND u.known_revision > 0 AND u.known_revision >= $known_since
        ORDER BY u.id DESC LIMIT $limit
        """;

    private const string ListKnownUsers = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.id > $after_id
            AND u.known_revision >= $known_since AND u.known_revision > 0 AND u.revision <= $up_to_revision
        ORDER BY u.id LIMIT $limit
        """;

    // NOT INDEXED and CROSS JOIN force the plan: one pass over the users by key, with a lookup of the service instance by key.
    private const string ListOnlineUsers = """
        SELECT u.id, s.sid, u.sid, u.identity, u.last_alive
        FROM users AS u NOT INDEXED CROSS JOIN services AS s ON s.id = u.service_id
        WHERE u.is_online = 1 AND u.id > $after_id
            AND s.is_deleted = 0 AND s.reachability_enabled = 1
            AND u.known_revision > 0 AND u.known_revision >= s.switched_on_revision
        ORDER BY u.id LIMIT $limit
        """;

    /// <inheritdoc/>
    public ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                var users = new List<UserState>(keys.Count);
                var seen = new HashSet<long>(keys.Count);
                foreach (var key in keys)
                {
                    if (FindUser(reader, record, key) is { } user && seen.Add(user.Id))
                        users.Add(UserState.Of(record.Sid, user, record.Configuration));
                }
                return new UsersRead(record, users);
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<UsersRead> ListUsersAsync(
        ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => ReadUsers(
                reader,
                service,
                online switch { null => ListUsers, true => ListVisiblyOnline, false => ListVisiblyOffline },
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
                online switch { null => ListUsersBefore, true => ListVisiblyOnlineBefore, false => ListVisiblyOfflineBefore },
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
                return ReadUsers(
                    record,
                    reader.Prepare(ListKnownUsers)
                        .Bind(record.Id, afterId, knownSince, upToRevision, limit));
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredOnlineUser>>(
            reader =>
            {
                using var rows = reader.Prepare(ListOnlineUsers).Bind(afterId, limit).Query();
                var users = new List<StoredOnlineUser>(limit);
                while (rows.Read())
                {
                    var row = rows.Row;
                    users.Add(new StoredOnlineUser(
                        row.Int64(0),
                        new ServiceSid(row.Sid(1)),
                        new UserSid(row.Sid(2)),
                        Identity.FromTrusted(row.Text(3)),
                        row.Duration(4)));
                }
                return users;
            },
            cancellationToken);

    private static UserRecord? FindUser(Reader reader, ServiceRecord service, UserKey key)
    {
        using var rows = key.IsSid
            ? reader.Prepare(FindUserBySid).Bind(service.Id, key.Sid.Value).Query()
            : reader.Prepare(FindUserByIdentity).Bind(service.Id, key.Identity.ToString()).Query();
        return rows.Read() ? Columns.ReadUser(rows.Row) : null;
    }

    private static UsersRead ReadUsers(Reader reader, ServiceSid service, string statement, long id, int limit, bool? online)
    {
        var record = reader.Service(service);
        if (online is null)
            return ReadUsers(record, reader.Prepare(statement).Bind(record.Id, id, limit));
        return record.Configuration.ReachabilityEnabled
            ? ReadUsers(record, reader.Prepare(statement).Bind(record.Id, id, record.Configuration.SwitchedOnRevision, limit))
            : new UsersRead(record, []);
    }

    private static UsersRead ReadUsers(ServiceRecord service, Statement statement)
    {
        using var rows = statement.Query();
        var users = new List<UserState>();
        while (rows.Read())
            users.Add(UserState.Of(service.Sid, Columns.ReadUser(rows.Row), service.Configuration));
        return new UsersRead(service, users);
    }
}
