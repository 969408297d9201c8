using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>Reads a poll: several statements in one round trip, which see one moment.</summary>
internal sealed class PollReader(KnownCluster known)
{
    private const string Counters = """
        SELECT data_identity(), c.members_version, (SELECT max(epoch) FROM shards), g.version, clock_timestamp()
        FROM cluster AS c CROSS JOIN cluster_changes AS g
        """;

    private const string Uptime = "SELECT alive_time, total FROM uptime";

    private const string Leases = """
        SELECT node_text(n.incarnation, n.name), l.renewal, l.members, l.acknowledged
        FROM nodes AS n JOIN node_leases AS l ON l.node = n.id WHERE n.name IS NOT NULL AND n.state = 'active'
        """;

    // Epochs of other data cannot be compared. The subquery runs once, so the index by epoch finds the rows.
    private const string Shards = """
        SELECT s.no, node_text(s.incarnation, n.name), s.epoch
        FROM shards AS s LEFT JOIN nodes AS n ON n.id = s.owner
        WHERE s.epoch > (SELECT CASE WHEN data_identity() = $1 THEN $2 ELSE 0 END)
        """;

    private const string Services = $"""
        SELECT k.id, s.version, {Columns.OfService}
        FROM unnest($1, $2, $3) WITH ORDINALITY AS k (id, revision, version, number)
        LEFT JOIN services AS s ON s.id = k.id AND NOT s.is_deleted
        WHERE s.id IS NULL OR s.revision <> k.revision OR s.version <> k.version
        ORDER BY k.number
        """;

    private readonly List<NodeLease> _leases = [];
    private readonly List<(string Node, long Renewal, string[] Members, string[] Acknowledged)> _rows = [];
    private readonly List<ShardHolder> _shards = [];
    private readonly ImmutableArray<PolledService>.Builder _services = ImmutableArray.CreateBuilder<PolledService>();
    private readonly ImmutableArray<long>.Builder _gone = ImmutableArray.CreateBuilder<long>();
    private DataIdentity _data;
    private long _membersVersion;
    private long _epoch;
    private long _changesVersion;
    private DateTimeOffset _time;
    private ServerUptime _uptime;

    /// <summary>Reads the poll.</summary>
    public async Task<ClusterPoll> ReadAsync(NpgsqlConnection connection)
    {
        await using var snapshot = new Snapshot(connection);
        snapshot.Add(Counters, row =>
        {
            _data = DataText.Read(row.Ascii(0));
            (_membersVersion, _epoch, _changesVersion) = (row.Int64(1), row.Int64(2), row.Int64(3));
            _time = row.Clock(4);
        });
        snapshot.Add(Uptime, row => _uptime = new ServerUptime(row.OptionalTime(0), row.Duration(1)));
        snapshot.Add(Leases, row => _rows.Add((row.Ascii(0), row.Int64(1), row.Texts(2), row.Texts(3))));
        snapshot.Add(Shards, row => _shards.Add(new ShardHolder(
            new Shard(row.Int32(0)), row.OptionalAscii(1) is { } node ? NodeText.Read(node) : null, row.Int64(2))))
            .With(DataText.Of(known.Identity), known.Epoch);
        if (known.Services.Length > 0)
        {
            snapshot.Add(Services, row =>
            {
                if (row.IsNull(1))
                    _gone.Add(row.Int64(0));
                else
                    _services.Add(new PolledService(Columns.ReadService(row, 2), row.Int64(1)));
            }).With(
                known.Services.Select(service => service.Id).ToArray(),
                known.Services.Select(service => service.Revision).ToArray(),
                known.Services.Select(service => service.Version).ToArray());
        }
        await snapshot.RunAsync().ConfigureAwait(false);
        return Complete();
    }

    private ClusterPoll Complete()
    {
        foreach (var (node, renewal, members, acknowledged) in _rows)
        {
            _leases.Add(new NodeLease(
                NodeText.Read(node), _data, renewal, ClusterCalls.Sort(members), ClusterCalls.Sort(acknowledged)));
        }
        _leases.Sort((left, right) => string.CompareOrdinal(left.Node.Name, right.Node.Name));
        _shards.Sort((left, right) => left.Shard.Number.CompareTo(right.Shard.Number));
        var areMembersKnown = known.Identity == _data && known.MembersVersion == _membersVersion;
        return new ClusterPoll(
            _data,
            _membersVersion,
            areMembersKnown ? null : [.. _leases.Select(lease => lease.Node)],
            [.. _leases],
            _epoch,
            [.. _shards],
            _changesVersion,
            _services.ToImmutable(),
            _gone.ToImmutable(),
            _uptime,
            _time);
    }
}
