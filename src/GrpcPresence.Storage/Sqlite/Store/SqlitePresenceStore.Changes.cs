using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of changes.</summary>
public sealed partial class SqlitePresenceStore
{
    private const string ListChangedUsers = $"""
        SELECT {Columns.OfUser} FROM users AS u
        WHERE u.service_id = $service_id AND u.revision > $after_revision
        ORDER BY u.revision LIMIT $limit
        """;

    private const string ListTombstones = """
        SELECT sid, identity, revision, delete_time FROM tombstones
        WHERE service_id = $service_id AND revision > $after_revision
        ORDER BY revision LIMIT $limit
        """;

    private const string FindTombstoneBySid = """
        SELECT sid, identity, revision, delete_time FROM tombstones
        WHERE service_id = $service_id AND sid = $sid AND revision > $after_revision
        """;

    private const string FindTombstonesByIdentity = """
        SELECT sid, identity, revision, delete_time FROM tombstones
        WHERE service_id = $service_id AND identity = $identity AND revision > $after_revision
        """;

    /// <inheritdoc/>
    public ValueTask<ChangesRead> ListChangesAsync(
        ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                var deleted = new List<StoredChange>();
                ReadTombstones(
                    reader.Prepare(ListTombstones).Bind(record.Id, afterRevision, limit),
                    record.Sid,
                    deleted);
                return new ChangesRead(record, MergeChangedUsers(reader, record, afterRevision, limit, deleted));
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                var found = new List<StoredChange>(keys.Count);
                foreach (var key in keys)
                {
                    if (FindUser(reader, record, key) is { } user)
                        found.Add(new StoredChange(UserState.Of(record.Sid, user, record.Configuration), user.Revision));
                    var statement = key.IsSid
                        ? reader.Prepare(FindTombstoneBySid)
                            .Bind(record.Id, key.Sid.Value, afterRevision)
                        : reader.Prepare(FindTombstonesByIdentity)
                            .Bind(record.Id, key.Identity.ToString(), afterRevision);
                    ReadTombstones(statement, record.Sid, found);
                }
                // A SID belongs to one user or one tombstone, whichever key found it.
                return new ChangesRead(record, [.. found.DistinctBy(change => change.State.Sid).OrderBy(change => change.Revision)]);
            },
            cancellationToken);

    /// <summary>
    /// Merges the changed users and the tombstones by ascending revision. Reads users one by one, so that none is read beyond the limit.
    /// </summary>
    private static List<StoredChange> MergeChangedUsers(
        Reader reader, ServiceRecord service, long afterRevision, int limit, List<StoredChange> deleted)
    {
        using var rows = reader.Prepare(ListChangedUsers)
            .Bind(service.Id, afterRevision, limit)
            .Query();
        var merged = new List<StoredChange>();
        var next = 0;
        while (merged.Count < limit && rows.Read())
        {
            var user = Columns.ReadUser(rows.Row);
            while (next < deleted.Count && merged.Count < limit && deleted[next].Revision < user.Revision)
                merged.Add(deleted[next++]);
            if (merged.Count < limit)
                merged.Add(new StoredChange(UserState.Of(service.Sid, user, service.Configuration), user.Revision));
        }
        while (next < deleted.Count && merged.Count < limit)
            merged.Add(deleted[next++]);
        return merged;
    }

    private static void ReadTombstones(Statement statement, ServiceSid service, List<StoredChange> target)
    {
        using var rows = statement.Query();
        while (rows.Read())
        {
            var row = rows.Row;
            var tombstone = new Tombstone(
                new UserSid(row.Sid(0)), Identity.FromTrusted(row.Text(1)), row.Int64(2), row.Time(3));
            target.Add(new StoredChange(UserState.Of(service, tombstone), tombstone.Revision));
        }
    }
}
