using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Reading;

/// <summary>
/// The only way from a caller, and from the server's own work, to the store: every read waits for its turn in the queue, and is charged to
/// its owner by the rows that it examined. Safe from any thread.
/// </summary>
public sealed class StoreReads(IStoreReader store, ReadQueue queue, QuotaLimiter limiter)
{
    /// <summary>Reads for the server itself.</summary>
    public IStoreReader OfServer { get; } = ForServer(store, queue);

    /// <summary>Reads for a call. A read over the quotas waits, and then fails with QuotaExceeded.</summary>
    public IStoreReader OfCall(ReadOwner owner) => new OwnedReader(store, queue, limiter, owner, ReadKind.Call);

    /// <summary>
    /// Reads for a watch. A read over the quota waits as long as necessary: a snapshot may cost many times the rows of a second, and its
    /// client could do nothing but begin again.
    /// </summary>
    public IStoreReader OfWatch(ReadOwner owner) => new OwnedReader(store, queue, limiter, owner, ReadKind.Watch);

    /// <summary>
    /// Returns a reader for the server itself. It needs no limiter: in a cluster, the parts that divide the quotas among the nodes read
    /// the store too.
    /// </summary>
    public static IStoreReader ForServer(IStoreReader store, ReadQueue queue) =>
        new OwnedReader(store, queue, limiter: null, ReadOwner.Server, ReadKind.Server);

    private enum ReadKind
    {
        Server,
        Call,
        Watch,
    }

    /// <summary>A reader for one owner. The server's own has no limiter.</summary>
    private sealed class OwnedReader(IStoreReader store, ReadQueue queue, QuotaLimiter? limiter, ReadOwner owner, ReadKind kind)
        : IStoreReader
    {
        public ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.FindServiceAsync(service, cancellationToken), static _ => 1, cancellationToken);

        public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListServicesAsync(afterId, limit, cancellationToken), CostOf, cancellationToken);

        public ValueTask<IReadOnlyList<ServiceRecord>> ListServicesBeforeAsync(
            long beforeId, int limit, CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListServicesBeforeAsync(beforeId, limit, cancellationToken), CostOf, cancellationToken);

        public ValueTask<UsersRead> FindUsersAsync(
            ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken) =>
            FindUsersAsync(service, keys, int.MaxValue, cancellationToken);

        public ValueTask<UsersRead> FindUsersAsync(
            ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service), () => store.FindUsersAsync(service, keys, maxBytes, cancellationToken), CostOf, cancellationToken);

        public ValueTask<UsersRead> ListUsersAsync(
            ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListUsersAsync(service, afterId, limit, online, cancellationToken),
                CostOf,
                cancellationToken);

        public ValueTask<UsersRead> ListUsersBeforeAsync(
            ServiceSid service, long beforeId, int limit, bool? online, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListUsersBeforeAsync(service, beforeId, limit, online, cancellationToken),
                CostOf,
                cancellationToken);

        public ValueTask<UsersRead> ListKnownUsersAsync(
            ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListKnownUsersAsync(service, afterId, limit, knownSince, upToRevision, cancellationToken),
                CostOf,
                cancellationToken);

        public ValueTask<ChangesRead> ListChangesAsync(
            ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListChangesAsync(service, afterRevision, limit, cancellationToken),
                CostOf,
                cancellationToken);

        public ValueTask<ChangesRead> FindChangesAsync(
            ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service), () => store.FindChangesAsync(service, keys, afterRevision, cancellationToken), CostOf, cancellationToken);

        public ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service), () => store.FindBindingAsync(service, binding, cancellationToken), static _ => 1, cancellationToken);

        public ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
            ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListBindingsAsync(service, filter, afterId, limit, cancellationToken),
                read => CostOf(read) + filter.Users.Count,
                cancellationToken);

        public ValueTask<IReadOnlyList<PushBinding>> ListBindingsBeforeAsync(
            ServiceSid service, BindingFilter filter, long beforeId, int limit, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service),
                () => store.ListBindingsBeforeAsync(service, filter, beforeId, limit, cancellationToken),
                read => CostOf(read) + filter.Users.Count,
                cancellationToken);

        public ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(
            long afterId, int limit, CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListOnlineUsersAsync(afterId, limit, cancellationToken), CostOf, cancellationToken);

        public ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
            long afterId, int limit, CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListEndedSessionsAsync(afterId, limit, cancellationToken), CostOf, cancellationToken);

        public ValueTask<ServerUptime> FindUptimeAsync(CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.FindUptimeAsync(cancellationToken), static _ => 1, cancellationToken);

        public ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListApiKeysAsync(cancellationToken), CostOf, cancellationToken);

        public ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken) =>
            RunAsync(OwnerIn(service), () => store.FindWebhookAsync(service, cancellationToken), static _ => 1, cancellationToken);

        public ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken) =>
            RunAsync(owner, () => store.ListWebhooksAsync(cancellationToken), CostOf, cancellationToken);

        public ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken) =>
            RunAsync(OwnerIn(service), () => store.FindNotificationsAsync(service, cancellationToken), static _ => 1, cancellationToken);

        public ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken) =>
            RunAsync(
                OwnerIn(service.Sid),
                () => store.FindTimelineEndAsync(service, timeline, cancellationToken),
                static _ => 1,
                cancellationToken);

        private static int CostOf(UsersRead read) => read.Cost;

        private static int CostOf(ChangesRead read) => read.Cost;

        private static int CostOf<T>(IReadOnlyList<T> read) => read.Count;

        /// <summary>
        /// Returns the owner. The server's own reads of a service instance take turns with those of other ones. This applies only to
        /// reads of one that was found before, because a caller can invent any number of SIDs.
        /// </summary>
        private ReadOwner OwnerIn(ServiceSid service) => kind == ReadKind.Server ? owner with { Tenant = service } : owner;

        private async ValueTask<TResult> RunAsync<TResult>(
            ReadOwner of, Func<ValueTask<TResult>> read, Func<TResult, int> costOf, CancellationToken cancellationToken)
        {
            if (kind == ReadKind.Server)
                return await queue.RunAsync(of, read, cancellationToken).ConfigureAwait(false);
            // The pipeline has charged a call its first rows. A watch is charged here, because it reads for as long as it is open.
            if (kind == ReadKind.Watch)
            {
                await limiter!.ChargeReadAsync(of.Service, of.Caller, rows: 1, TimeSpan.MaxValue, cancellationToken).ConfigureAwait(false);
                return await ReadAsync(of, read, costOf, cancellationToken).ConfigureAwait(false);
            }
            if (!limiter!.TryBeginRead(of.Service, of.Caller, out var reading, out var error))
            {
                await limiter.HoldRejectionAsync((of.Caller ?? of.Service)!, cancellationToken).ConfigureAwait(false);
                throw error;
            }
            using (reading)
                return await ReadAsync(of, read, costOf, cancellationToken).ConfigureAwait(false);
        }

        private async ValueTask<TResult> ReadAsync<TResult>(
            ReadOwner of, Func<ValueTask<TResult>> read, Func<TResult, int> costOf, CancellationToken cancellationToken)
        {
            var result = await queue.RunAsync(of, read, cancellationToken).ConfigureAwait(false);
            limiter!.SpendRows(of.Service, of.Caller, costOf(result) - (kind == ReadKind.Call ? Limits.RowsPerCall : 1));
            return result;
        }
    }
}
