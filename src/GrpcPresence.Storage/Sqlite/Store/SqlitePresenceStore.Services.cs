using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Sqlite.Native;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of service instances and timelines.</summary>
public sealed partial class SqlitePresenceStore
{
    private const string ListServices = $"""
        SELECT {Columns.OfService} FROM services AS s
        WHERE s.is_deleted = 0 AND s.id > $after_id
        ORDER BY s.id LIMIT $limit
        """;

    private const string ListServicesBefore = $"""
        SELECT {Columns.OfService} FROM services AS s
        WHERE s.is_deleted = 0 AND s.id < $before_id
        ORDER BY s.id DESC LIMIT $limit
        """;

    /// <inheritdoc/>
    public ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(reader => reader.TryService(service), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ServiceRecord>>(
            reader => ReadServices(reader, reader.Prepare(ListServices).Bind(afterId, limit)), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesBeforeAsync(
        long beforeId, int limit, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<ServiceRecord>>(
            reader => ReadServices(reader, reader.Prepare(ListServicesBefore).Bind(beforeId, limit)), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
        ReadAsync(
            reader =>
            {
                // Read again, because the caller's record may be older than this transaction.
                var present = reader.TryService(service.Sid);
                if (present is null || present.Id != service.Id)
                    throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
                return SqliteTimelines.FindEnd(reader.Connection, present, timeline);
            },
            cancellationToken);

    private static List<ServiceRecord> ReadServices(Reader reader, Statement statement)
    {
        using var rows = statement.Query();
        var services = new List<ServiceRecord>();
        while (rows.Read())
            services.Add(Columns.ReadService(rows.Row, reader.Timeline));
        return services;
    }
}
