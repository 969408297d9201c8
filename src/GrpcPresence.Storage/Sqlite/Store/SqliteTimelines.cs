using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Sqlite.Files;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>
/// The timeline of this start, and where service instances left the earlier ones. Revisions that a restored backup or a lost log removed
/// are reused in a later timeline. Its cut says up to which revision the earlier timeline is still part of the data.
/// </summary>
internal sealed class SqliteTimelines
{
    private const string StartSweeps = """
        UPDATE webhooks SET epoch = max(epoch + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER)),
            sweep_since = iif(post_url <> '', 0, NULL), sweep_after = iif(post_url <> '', 0, NULL)
        """;

    private readonly HashSet<long> _cut = []; // service instances whose cut in this timeline is committed; only for the writer's thread

    private SqliteTimelines(long seq) => Seq = seq;

    /// <summary>The sequence number of this timeline.</summary>
    public long Seq { get; }

    /// <summary>
    /// Stores a new timeline. Called once, at the start, before any commit. If the data went back, makes every webhook endpoint receive the
    /// present state of every user, because it may have received states that the data no longer contains.
    /// </summary>
    public static SqliteTimelines Begin(SqliteConnection writer, Guid timeline, CommitWitness witness, long lastCommit)
    {
        var id = TimelineId.ToBytes(timeline);
        var before = writer.ExecuteScalar<byte[]?>("SELECT id FROM timelines ORDER BY seq DESC LIMIT 1") ?? [];
        if (before.Length > 0 && witness.IsAheadOf(before, lastCommit))
            writer.Execute(StartSweeps);
        // After the statement above: a process that dies in between must notice again.
        witness.Begin(before, id, lastCommit);
        return new(writer.ExecuteScalar<long>("INSERT INTO timelines (id) VALUES (@Id) RETURNING seq", new { Id = id }));
    }

    /// <summary>Whether the service instance is known to have a cut in this timeline.</summary>
    public bool HasCut(long serviceId) => _cut.Contains(serviceId);

    /// <summary>Notes committed cuts.</summary>
    public void Committed(List<long> serviceIds) => _cut.UnionWith(serviceIds);

    /// <summary>
    /// Returns the revision up to which the timeline is part of the service instance's data; null for an unknown timeline.
    /// </summary>
    public static long? FindEnd(SqliteConnection reader, ServiceRecord service, Guid timeline)
    {
        var seq = reader.ExecuteScalar<long?>(
            "SELECT seq FROM timelines WHERE id = @Id", new { Id = TimelineId.ToBytes(timeline) });
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
