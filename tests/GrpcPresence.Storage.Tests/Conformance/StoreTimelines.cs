using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

internal static class StoreTimelines
{
    /// <summary>Returns the timeline that a read of the service instance shows now.</summary>
    public static Guid TimelineOf(this IStoreReader store, ServiceRecord service) =>
        store.FindServiceAsync(service.Sid, CancellationToken.None).AsTask().GetAwaiter().GetResult()!.Timeline;

    /// <summary>Returns the service instance as each read of the port shows it. Safe from any thread.</summary>
    public static async Task<IReadOnlyList<ServiceRecord>> ReadAsync(
        this IStoreReader store, ServiceRecord service, CancellationToken cancellationToken)
    {
        var (sid, keys) = (service.Sid, new[] { Sample.Key(Sample.User(1, 1)) });
        return
        [
            (await store.FindServiceAsync(sid, cancellationToken))!,
            (await store.ListServicesAsync(service.Id - 1, 1, cancellationToken)).Single(),
            (await store.ListServicesBeforeAsync(service.Id + 1, 1, cancellationToken)).Single(),
            (await store.FindUsersAsync(sid, keys, cancellationToken)).Service,
            (await store.FindUsersAsync(sid, keys, maxBytes: 1, cancellationToken)).Service,
            (await store.ListUsersAsync(sid, 0, 1, online: null, cancellationToken)).Service,
            (await store.ListUsersBeforeAsync(sid, long.MaxValue, 1, online: null, cancellationToken)).Service,
            (await store.ListKnownUsersAsync(sid, 0, 1, 1, long.MaxValue, cancellationToken)).Service,
            (await store.ListChangesAsync(sid, 0, 1, cancellationToken)).Service,
            (await store.FindChangesAsync(sid, keys, 0, cancellationToken)).Service,
        ];
    }

    /// <summary>
    /// Returns the service instance as each read of the port and each part of a batch shows it. Only for the thread of the writer.
    /// </summary>
    public static async Task<IReadOnlyList<ServiceRecord>> ReadEverywayAsync(
        this IPresenceStore store, ServiceRecord service, CancellationToken cancellationToken)
    {
        var keys = new BatchKeys { NeedsDirectory = true };
        keys.Service(service.Sid);
        var batch = StoreSession.Of(store).Read(keys);
        var record = batch.Services[0].Service!.Record;
        return
        [
            .. await store.ReadAsync(service, cancellationToken), record, record with { Timeline = batch.Directory.Timeline },
        ];
    }
}
