using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// Reads of committed state. Each call is one short read transaction: all that it returns is of one moment, and never older than the last commit
/// that was acknowledged to anybody in this process before the call. Safe from any thread.
/// </summary>
/// <exception cref="StorageException">From every method: the store cannot be read now.</exception>
/// <exception cref="PresenceException">ServiceInstanceNotFound, from every method that takes a service SID and does not say otherwise.</exception>
public interface IStoreReader
{
    /// <summary>The service instance; null when there is none, or it was deleted.</summary>
    ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>Service instances with a key above <paramref name="afterId"/>, by ascending key.</summary>
    ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>The users that exist of the keys, in the order of the keys, each once however often it is named.</summary>
    ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken);

    /// <summary>
    /// Users with a key above <paramref name="afterId"/>, by ascending key; when <paramref name="online"/> is given, only those whose visible
    /// <c>is_online</c> is that.
    /// </summary>
    ValueTask<UsersRead> ListUsersAsync(ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken);

    /// <summary>
    /// Users with a key above <paramref name="afterId"/>, by ascending key, who became known at <paramref name="knownSince"/> or later, and whose row
    /// has a revision of at most <paramref name="upToRevision"/>: those whose visible reachability a switch changed without touching the row.
    /// </summary>
    ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken);

    /// <summary>Users and tombstones whose row has a revision above <paramref name="afterRevision"/>, at most <paramref name="limit"/>, by ascending revision.</summary>
    ValueTask<ChangesRead> ListChangesAsync(ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Of the keys: tombstones with a revision above <paramref name="afterRevision"/> (for an identity, of every user who had it), and every user
    /// who exists, changed or not; each once, by ascending revision.
    /// </summary>
    ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken);

    /// <summary>The push binding; null when there is none.</summary>
    ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken);

    /// <summary>
    /// Push bindings with a key above <paramref name="afterId"/>, by ascending key, that the filter means. UserNotFound when
    /// <see cref="BindingFilter.User"/> does not exist.
    /// </summary>
    ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Users with a key above <paramref name="afterId"/>, by ascending key, in all service instances, who are online and known: whose sessions a
    /// restart cut off.
    /// </summary>
    ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>All API keys, revoked ones among them, by ascending key.</summary>
    ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken);

    /// <summary>The webhook settings of the service instance; null when they were never set.</summary>
    ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>The webhook settings with a URL to tell (<see cref="WebhookSettings.PostUrl"/>) of all service instances, by ascending key of these.</summary>
    ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken);

    /// <summary>The notification settings of the service instance; the defaults when they were never set.</summary>
    ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>
    /// The timeline of the service instance at present: a random id drawn at each start of the store, made one with the service instance's own key,
    /// so that a service instance that takes a deleted one's SID has a timeline of its own.
    /// </summary>
    Guid TimelineOf(ServiceRecord service);

    /// <summary>
    /// Up to which revision a timeline is part of this data: the last revision for the present one; for an earlier one, the revision at which it
    /// was left; null when this data does not know it.
    /// </summary>
    ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken);
}
