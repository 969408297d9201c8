using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of service instances and timelines.</summary>
public partial class PostgresPresenceStore
{
    private const string ListServices = $"""
        SELECT {Columns.OfService} FROM services AS s WHERE NOT s.is_deleted AND s.id > $1 ORDER BY s.id LIMIT $2
        """;

    private const string ListServicesBefore = $"""
        SELECT {Columns.OfService} FROM services AS s WHERE NOT s.is_deleted AND s.id < $1 ORDER BY s.id DESC LIMIT $2
        """;

    // A timeline without a later cut ends at the last revision.
    private const string FindTimelineEnd = $"""
        SELECT (
            SELECT c.revision FROM timeline_cuts AS c
            WHERE c.service_id = {ServiceId} AND c.timeline_seq > t.seq
            ORDER BY c.timeline_seq LIMIT 1)
        FROM timelines AS t WHERE t.id = $2
        """;

    /// <inheritdoc/>
    public ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync<ServiceRecord?>(
            snapshot =>
            {
                ServiceRecord? found = null;
                snapshot.Add(FindService, row => found = Columns.ReadService(row)).With(SidGuid.Of(service.Value));
                return () => found;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ListServicesAsync(ListServices, afterId, limit, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesBeforeAsync(
        long beforeId, int limit, CancellationToken cancellationToken) =>
        ListServicesAsync(ListServicesBefore, beforeId, limit, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
        ReadAsync<long?>(
            service.Sid,
            (snapshot, found) =>
            {
                var (isKnown, cut) = (false, (long?)null);
                snapshot.Add(FindTimelineEnd, row => (isKnown, cut) = (true, row.OptionalInt64(0)))
                    .With(SidGuid.Of(service.Sid.Value), timeline);
                return () =>
                {
                    // The caller's record may be of an earlier service instance with this SID.
                    if (found.Required.Id != service.Id)
                        throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
                    return isKnown ? cut ?? found.Required.Revision : null;
                };
            },
            cancellationToken);

    private ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(
        string sql, long id, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ServiceRecord>>(
            snapshot =>
            {
                var services = new List<ServiceRecord>();
                snapshot.Add(sql, row => services.Add(Columns.ReadService(row))).With(id, limit);
                return () => services;
            },
            cancellationToken);
}
