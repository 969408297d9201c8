using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// Reads of committed state. The result of each call is of one moment, and never older than the last commit that was acknowledged in this
/// process before the call. Safe from any thread.
/// </summary>
/// <remarks>
/// <b>Timelines.</b> A timeline is a random id that names one line of commits. The store draws a new one at each start. Where nodes share
/// the data, it draws one when the data goes back instead, before the first commit that follows. Each service instance that a read returns,
/// alone or with users or changes, names the timeline of the moment of that read (<see cref="ServiceRecord.Timeline"/>). So the data may go
/// back between two reads, and no read shows a revision of one timeline under the id of another.
/// </remarks>
/// <exception cref="StorageException">From every method: the store cannot be read now.</exception>
/// <exception cref="PresenceException">
/// ServiceInstanceNotFound, from every method that takes a service SID and does not say otherwise.
/// </exception>
public interface IStoreReader
{
    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    ValueTask<ServiceRecord?> FindServiceAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>Returns service instances with a key above <paramref name="afterId"/>, by ascending key.</summary>
    ValueTask<IReadOnlyList<ServiceRecord>> ListServicesAsync(long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>Returns service instances with a key below <paramref name="beforeId"/>, by descending key.</summary>
    ValueTask<IReadOnlyList<ServiceRecord>> ListServicesBeforeAsync(long beforeId, int limit, CancellationToken cancellationToken);

    /// <summary>Returns the existing users of the keys, in the order of the keys, each once even if named several times.</summary>
    ValueTask<UsersRead> FindUsersAsync(ServiceSid service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users as <see cref="FindUsersAsync(ServiceSid, IReadOnlyList{UserKey}, CancellationToken)"/> does. Stops once they have more
    /// than <paramref name="maxBytes"/> bytes of text, and then sets <see cref="UsersRead.Next"/>.
    /// </summary>
    ValueTask<UsersRead> FindUsersAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, int maxBytes, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users with a key above <paramref name="afterId"/>, by ascending key. With <paramref name="online"/>, returns only those
    /// whose visible <c>is_online</c> has that value. The page may be short; see <see cref="UsersRead.Next"/>.
    /// </summary>
    ValueTask<UsersRead> ListUsersAsync(ServiceSid service, long afterId, int limit, bool? online, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users as <see cref="ListUsersAsync"/> does, but with a key below <paramref name="beforeId"/>, by descending key.
    /// </summary>
    ValueTask<UsersRead> ListUsersBeforeAsync(
        ServiceSid service, long beforeId, int limit, bool? online, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users with a key above <paramref name="afterId"/>, by ascending key, that became known at <paramref name="knownSince"/> or
    /// later, and whose row has a revision of at most <paramref name="upToRevision"/>. A switch changed their visible reachability without
    /// changing the row. The page may be short; see <see cref="UsersRead.Next"/>.
    /// </summary>
    ValueTask<UsersRead> ListKnownUsersAsync(
        ServiceSid service, long afterId, int limit, long knownSince, long upToRevision, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users and tombstones whose row has a revision above <paramref name="afterRevision"/>, at most <paramref name="limit"/>, by
    /// ascending revision. The page may be short; see <see cref="ChangesRead.HasMore"/>.
    /// </summary>
    ValueTask<ChangesRead> ListChangesAsync(ServiceSid service, long afterRevision, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns, for the keys, tombstones with a revision above <paramref name="afterRevision"/> (for an identity, of every user that had
    /// it, at most <see cref="Limits.TombstonesPerKey"/>), and every existing user, changed or not. Each once, by ascending revision.
    /// </summary>
    ValueTask<ChangesRead> FindChangesAsync(
        ServiceSid service, IReadOnlyList<UserKey> keys, long afterRevision, CancellationToken cancellationToken);

    /// <summary>Returns the push binding, or null.</summary>
    ValueTask<PushBinding?> FindBindingAsync(ServiceSid service, BindingSid binding, CancellationToken cancellationToken);

    /// <summary>
    /// Returns push bindings with a key above <paramref name="afterId"/>, by ascending key, that the filter selects. UserNotFound if
    /// <see cref="BindingFilter.User"/> does not exist.
    /// </summary>
    ValueTask<IReadOnlyList<PushBinding>> ListBindingsAsync(
        ServiceSid service, BindingFilter filter, long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns push bindings as <see cref="ListBindingsAsync"/> does, but with a key below <paramref name="beforeId"/>, by descending key.
    /// </summary>
    ValueTask<IReadOnlyList<PushBinding>> ListBindingsBeforeAsync(
        ServiceSid service, BindingFilter filter, long beforeId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users with a key above <paramref name="afterId"/>, by ascending key, in all service instances, that are online and known. A
    /// restart interrupted their sessions.
    /// </summary>
    ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns ended sessions with a key above <paramref name="afterId"/>, by ascending key, in all service instances, expired or not.
    /// </summary>
    ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns the uptime that a commit stored last; before that, zero without an alive time.
    /// </summary>
    ValueTask<ServerUptime> FindUptimeAsync(CancellationToken cancellationToken);

    /// <summary>Returns all API keys, including revoked keys, by ascending key.</summary>
    ValueTask<IReadOnlyList<ApiKey>> ListApiKeysAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Returns the webhook settings of the service instance; null if they were never set. After the data went back, each position with a
    /// <see cref="WebhookSettings.PostUrl"/> has a <see cref="WebhookSweep.Everyone"/>, and every <see cref="StoredWebhook.Epoch"/> is
    /// greater than before.
    /// </summary>
    ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>
    /// Returns the webhook settings of all service instances that have a <see cref="WebhookSettings.PostUrl"/>, by ascending key of the
    /// service instance.
    /// </summary>
    ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken);

    /// <summary>Returns the notification settings of the service instance; the defaults if they were never set.</summary>
    ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken);

    /// <summary>
    /// Returns the revision up to which a timeline is part of the data of the service instance: the last revision for the present timeline,
    /// the revision at which it ended for an earlier one, and null for an unknown one.
    /// </summary>
    ValueTask<long?> FindTimelineEndAsync(ServiceRecord service, Guid timeline, CancellationToken cancellationToken);
}
