using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of changes.</summary>
public partial class PostgresPresenceStore
{
    // One row after the limit of bytes ($4), so that the reader sees that a further one follows.
    private const string ListChangedUsers = $"""
        SELECT {Columns.OfUser} FROM (
            SELECT c.user_id, c.revision, coalesce(sum({Columns.BytesOfUser}) OVER (
                ORDER BY c.revision ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0) AS bytes
            FROM (
                SELECT user_id, revision FROM presence WHERE service_id = {ServiceId} AND revision > $2 ORDER BY revision LIMIT $3) AS c
            CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id = {ServiceId} AND id = c.user_id LIMIT 1) AS u) AS e
        CROSS JOIN LATERAL (SELECT * FROM users WHERE service_id = {ServiceId} AND id = e.user_id LIMIT 1) AS u
        JOIN presence AS p ON p.user_id = e.user_id
        WHERE e.bytes < $4
        ORDER BY e.revision
        """;

    private const string ListTombstones = $"""
        SELECT sid, identity, revision, delete_time FROM tombstones
        WHERE service_id = {ServiceId} AND revision > $2
        ORDER BY revision LIMIT $3
        """;

    private const string FindTombstonesBySid = $"""
        SELECT t.sid, t.identity, t.revision, t.delete_time
        FROM unnest($2) AS k (sid)
        CROSS JOIN LATERAL (
            SELECT * FROM tombstones AS d WHERE d.service_id - 0 = {ServiceId} AND d.sid = k.sid AND d.revision > $3 OFFSET 0) AS t
        """;

    private const string FindTombstonesByIdentity = $"""
        SELECT t.sid, t.identity, t.revision, t.delete_time, k.number
        FROM unnest($2) WITH ORDINALITY AS k (identity, number)
        CROSS JOIN LATERAL (
            SELECT * FROM tombstones AS d
            WHERE d.service_id + 0 = {ServiceId} AND d.identity = k.identity AND d.revision > $3
            ORDER BY d.revision LIMIT $4) AS t
        ORDER BY k.number, t.revision
        """;

    /// <inheritdoc/>
    public ValueTask<ChangesRead> ListChangesAsync(
        ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
        ReadAsync<ChangesRead>(
            service,
            (snapshot, found) =>
            {
                var page = new ChangesPage(limit);
                // One more than requested, to know whether further ones follow.
                snapshot.Add(ListTombstones, row => page.Deleted.Add(ReadTombstone(row, service)))
                    .With(SidGuid.Of(service.Value), afterRevision, limit + 1);
                snapshot.Add(ListChangedUsers, row => page.Add(row, service, found.Required))
                    .With(SidGuid.Of(service.Value), afterRevision, limit + 1, (long)Limits.PageBytes);
                return () => page.Complete(found.Required);
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
        ReadAsync<ChangesRead>(
            service,
            (snapshot, found) =>
            {
                var changes = new List<StoredChange>(keys.Count);
                var (hasMore, cost, deletedOfKey, lastKey) = (false, 0, 0, 0L);
                AddUsersByKey(snapshot, service, keys, int.MaxValue, row =>
                {
                    var user = Columns.ReadUser(row, 1);
                    cost += StoreCost.OfRow(BytesOf(user));
                    changes.Add(new StoredChange(UserState.Of(service, user, found.Required.Configuration), user.Revision));
                    return true;
                });
                snapshot.Add(FindTombstonesBySid, row => AddTombstone(row))
                    .With(
                        SidGuid.Of(service.Value),
                        keys.Where(key => key.IsSid).Select(key => SidGuid.Of(key.Sid.Value)).ToArray(),
                        afterRevision);
                snapshot.Add(FindTombstonesByIdentity, row =>
                {
                    AddTombstone(row);
                    deletedOfKey = row.Int64(4) == lastKey ? deletedOfKey + 1 : 1;
                    lastKey = row.Int64(4);
                    hasMore |= deletedOfKey > Limits.TombstonesPerKey;
                }).With(
                    SidGuid.Of(service.Value),
                    keys.Where(key => !key.IsSid).Select(key => Utf8.Of(key.Identity.ToString())).ToArray(),
                    afterRevision,
                    Limits.TombstonesPerKey + 1);

                // A SID belongs to one user or one tombstone, whichever key found it.
                return () => new ChangesRead(
                    found.Required,
                    [.. changes.DistinctBy(change => change.State.Sid).OrderBy(change => change.Revision)],
                    hasMore,
                    cost + keys.Count);

                void AddTombstone(Row row)
                {
                    changes.Add(ReadTombstone(row, service));
                    cost++;
                }
            },
            cancellationToken);

    private static StoredChange ReadTombstone(Row row, ServiceSid service)
    {
        var tombstone = new Tombstone(new UserSid(row.Sid(0)), Identity.FromTrusted(row.Text(1)), row.Int64(2), row.Time(3));
        return new StoredChange(UserState.Of(service, tombstone), tombstone.Revision);
    }

    /// <summary>
    /// Merges the changed users and the tombstones by ascending revision. Takes users one by one, so that none is decoded beyond the limits
    /// of the page.
    /// </summary>
    private sealed class ChangesPage(int limit)
    {
        private readonly List<StoredChange> _merged = [];
        private int _next; // of the tombstones
        private int _cost;
        private int _bytes;
        private bool _isFull;

        public List<StoredChange> Deleted { get; } = [];

        public bool Add(Row row, ServiceSid service, ServiceRecord record)
        {
            var user = Columns.ReadUser(row);
            AddDeleted(user.Revision);
            _isFull = _merged.Count == limit || _bytes >= Limits.PageBytes;
            if (_isFull)
                return false;
            var size = BytesOf(user);
            _cost += StoreCost.OfRow(size);
            _bytes += size;
            _merged.Add(new StoredChange(UserState.Of(service, user, record.Configuration), user.Revision));
            return true;
        }

        public ChangesRead Complete(ServiceRecord record)
        {
            if (!_isFull)
                AddDeleted(long.MaxValue);
            return new ChangesRead(record, _merged, _isFull || _next < Deleted.Count, _cost + Deleted.Count);
        }

        private void AddDeleted(long before)
        {
            while (_next < Deleted.Count && _merged.Count < limit && Deleted[_next].Revision < before)
                _merged.Add(Deleted[_next++]);
        }
    }
}
