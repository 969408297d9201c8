using Dapper;
using GrpcPresence.Core.Domain.Services;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>
/// The timeline of this start, and where service instances left the ones before it. Revisions that a restored backup or a lost log took away come
/// again in a later timeline; that timeline's cut says up to where the earlier one is still part of the data.
/// </summary>
internal sealed class SqliteTimelines
{
    private readonly Guid _current;
    private readonly HashSet<long> _cut = []; // service instances whose cut in this timeline is committed; the writer's thread alone

    private SqliteTimelines(Guid current, long seq)
    {
        _current = current;
        Seq = seq;
    }

    /// <summary>The place of this timeline among all.</summary>
    public long Seq { get; }

    /// <summary>Stores a new timeline. Called once, at the start, before anything can be committed.</summary>
    public static SqliteTimelines Begin(SqliteConnection writer, Guid timeline) => new(
        timeline,
        writer.ExecuteScalar<long>("INSERT INTO timelines (id) VALUES (@Id) RETURNING seq", new { Id = TimelineId.ToBytes(timeline) }));

    /// <summary>The present timeline of a service instance.</summary>
    public Guid Of(ServiceRecord service) => TimelineId.Combine(_current, service.Id);

    /// <summary>Whether the service instance is known to have its cut in this timeline.</summary>
    public bool HasCut(long serviceId) => _cut.Contains(serviceId);

    /// <summary>Takes note of cuts that are committed.</summary>
    public void Committed(List<long> serviceIds) => _cut.UnionWith(serviceIds);

    /// <summary>Up to which revision the timeline is part of the data of the service instance; null when it is not known.</summary>
    public static long? FindEnd(SqliteConnection reader, ServiceRecord service, Guid timeline)
    {
        var seq = reader.ExecuteScalar<long?>(
            "SELECT seq FROM timelines WHERE id = @Id",
            new { Id = TimelineId.ToBytes(TimelineId.Combine(timeline, service.Id)) });
        if (seq is null)
            return null;
        return reader.ExecuteScalar<long?>(
            """
            SELECT revision FROM timeline_cuts
            WHERE service_id = @ServiceId AND timeline_seq > @Seq
            ORDER BY timeline_seq LIMIT 1
            """,
            new { ServiceId = service.Id, Seq = seq }) ?? service.Revision;
    }
}
