using GrpcPresence.Core.Domain;
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
        ORDER BY revision LIMIT $limit
        """;

    /// <inheritdoc/>
    public ValueTask<ChangesRead> ListChangesAsync(
        ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                var record = reader.Service(service);
                // One more than requested, to know whether further ones follow.
                var deleted = new List<StoredChange>();
                ReadTombstones(reader.Prepare(ListTombstones).Bind(record.Id, afterRevision, limit + 1), record.Sid, deleted);
                return MergeChangedUsers(reader, record, afterRevision, limit, deleted);
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
                var (hasMore, cost) = (false, 0);
                foreach (var key in keys)
                {
                    if (FindUser(reader, record, key, ref cost) is { } user)
                        found.Add(new StoredChange(UserState.Of(record.Sid, user, record.Configuration), user.Revision));
                    var statement = key.IsSid
                        ? reader.Prepare(FindTombstoneBySid).Bind(record.Id, key.Sid.Value, afterRevision)
                        : reader.Prepare(FindTombstonesByIdentity)
                            .Bind(record.Id, key.Identity.ToString(), afterRevision, Limits.TombstonesPerKey + 1);
                    var deleted = ReadTombstones(statement, record.Sid, found);
                    hasMore |= deleted > Limits.TombstonesPerKey;
                    cost += deleted;
                }
                // A SID belongs to one user or one tombstone, whichever key found it.
                return new ChangesRead(
                    record, [.. found.DistinctBy(change => change.State.Sid).OrderBy(change => change.Revision)], hasMore, cost);
            },
            cancellationToken);

    /// <summary>
    /// Merges the changed users and the tombstones by ascending revision. Reads users one by one, so that none is decoded beyond the limits
    /// of the page.
    /// </summary>
    private static ChangesRead MergeChangedUsers(
        Reader reader, ServiceRecord service, long afterRevision, int limit, List<StoredChange> deleted)
    {
        using var rows = reader.Prepare(ListChangedUsers)
            .Bind(service.Id, afterRevision, limit + 1)
            .Query();
        var merged = new List<StoredChange>();
        var (next, cost, bytes) = (0, deleted.Count, 0);
        while (rows.Read())
        {
            var row = rows.Row;
            var revision = Columns.RevisionOfUser(row);
            while (next < deleted.Count && merged.Count < limit && deleted[next].Revision < revision)
                merged.Add(deleted[next++]);
            if (merged.Count == limit || bytes >= Limits.PageBytes)
                return new ChangesRead(service, merged, HasMore: true, cost);
            var size = Columns.BytesOfUser(row);
            cost += StoreCost.OfRow(size);
            bytes += size;
            merged.Add(new StoredChange(UserState.Of(service.Sid, Columns.ReadUser(row), service.Configuration), revision));
        }
        while (next < deleted.Count && merged.Count < limit)
            merged.Add(deleted[next++]);
        return new ChangesRead(service, merged, HasMore: next < deleted.Count, cost);
    }

    /// <summary>Adds the tombstones, and returns how many.</summary>
    private static int ReadTombstones(Statement statement, ServiceSid service, List<StoredChange> target)
    {
        using var rows = statement.Query();
        var count = 0;
        while (rows.Read())
        {
            var row = rows.Row;
            var tombstone = new Tombstone(
                new UserSid(row.Sid(0)), Identity.FromTrusted(row.Text(1)), row.Int64(2), row.Time(3));
            target.Add(new StoredChange(UserState.Of(service, tombstone), tombstone.Revision));
            count++;
        }
        return count;
    }
}
