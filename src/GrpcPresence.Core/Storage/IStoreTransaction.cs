using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// The one write transaction. It sees its own writes. Disposing it without <see cref="Commit"/> rolls everything back. Used by the writer's thread
/// alone. A service instance that was read stays locked against other writers until the end, so that its revisions are gapless.
/// </summary>
/// <exception cref="StorageException">From every method: the store failed; the transaction is lost.</exception>
public interface IStoreTransaction : IDisposable
{
    /// <summary>Identifies this transaction among all of the store; see <see cref="IPresenceStore.Reopen"/>.</summary>
    long Id { get; }

    /// <summary>The service instance; null when there is none, or it was deleted.</summary>
    ServiceRecord? FindService(ServiceSid service);

    /// <summary>Adds a service instance and returns it with its key. The SID is free.</summary>
    ServiceRecord InsertService(ServiceRecord service);

    /// <summary>
    /// Writes a service instance found by its key: friendly name, configuration, revision, and <see cref="ServiceRecord.UserCount"/> as it is given: the
    /// store itself does not count.
    /// </summary>
    void UpdateService(ServiceRecord service);

    /// <summary>Makes a service instance invisible, in a time that does not depend on its size, and its SID free. Its rows go with <see cref="Purge"/>.</summary>
    void DeleteService(long serviceId);

    /// <summary>The user; null when there is none.</summary>
    UserRecord? FindUser(long serviceId, UserKey key);

    /// <summary>Adds a user and returns it with its key. Identity and SID are free. The service instance's own record is not touched.</summary>
    UserRecord InsertUser(long serviceId, UserRecord user);

    /// <summary>Writes a user found by its key.</summary>
    void UpdateUser(UserRecord user);

    /// <summary>
    /// Writes what a transition changes of a user found by its key: <see cref="UserRecord.IsOnline"/>, <see cref="UserRecord.LastOnlineTime"/>, and the
    /// revisions of the row, of both reachability values and of becoming known. The rest is as <see cref="FindUser"/> read it in this transaction, and
    /// need not be written.
    /// </summary>
    void UpdatePresence(UserRecord user);

    /// <summary>Removes a user and its push bindings, and leaves the tombstone. The service instance's own record is not touched.</summary>
    void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone);

    /// <summary>The push binding; null when there is none.</summary>
    PushBinding? FindBinding(long serviceId, BindingSid binding);

    /// <summary>The push binding with this address; null when there is none.</summary>
    PushBinding? FindBinding(long serviceId, BindingType type, string endpoint);

    /// <summary>Adds a push binding of the user and returns it with its key. The address is free. The user's own record is not touched.</summary>
    PushBinding InsertBinding(long serviceId, long userId, PushBinding binding);

    /// <summary>Gives a push binding to another user. Neither user's own record is touched.</summary>
    void MoveBinding(PushBinding binding, long userId);

    /// <summary>Removes a push binding. The user's own record is not touched.</summary>
    void DeleteBinding(PushBinding binding);

    /// <summary>The API key, be it revoked; null when there is none.</summary>
    ApiKey? FindApiKey(ApiKeySid sid);

    /// <summary>The API key in force that has the name of certificates, which is not empty; null when there is none.</summary>
    ApiKey? FindApiKey(string certificateName);

    /// <summary>How many API keys there are whose scope is exactly this; null is the whole deployment.</summary>
    (int InForce, int Revoked) CountApiKeys(ServiceSid? scope);

    /// <summary>The API keys in force whose scope is the service instance, by ascending key.</summary>
    IReadOnlyList<ApiKey> ListApiKeysInForce(ServiceSid scope);

    /// <summary>Removes the API key of exactly this scope that was revoked first, and returns it; null when none is revoked.</summary>
    ApiKey? DeleteOldestRevokedApiKey(ServiceSid? scope);

    /// <summary>Adds an API key and returns it with its key. The SID is free.</summary>
    ApiKey InsertApiKey(ApiKey key);

    /// <summary>Writes an API key found by its key: its secrets and their times, and when it was revoked.</summary>
    void UpdateApiKey(ApiKey key);

    /// <summary>The webhook settings of the service instance; null when they were never set.</summary>
    StoredWebhook? FindWebhook(long serviceId);

    /// <summary>Writes the webhook settings of a service instance, found by its key, and their position, in place of any that there are.</summary>
    void PutWebhook(StoredWebhook webhook);

    /// <summary>
    /// Raises the position of the webhook settings that have a URL to tell (<see cref="WebhookSettings.PostUrl"/>). A lower position than the present one
    /// changes nothing, nor does any where there are no such settings.
    /// </summary>
    void AdvanceWebhook(long serviceId, long position);

    /// <summary>The notification settings of the service instance; the defaults when they were never set.</summary>
    NotificationSettings FindNotifications(long serviceId);

    /// <summary>Writes the notification settings of a service instance in place of any that there are.</summary>
    void PutNotifications(long serviceId, NotificationSettings settings);

    /// <summary>
    /// Removes at most <paramref name="limit"/> rows that are not needed any more: those of deleted service instances, and tombstones of before
    /// <paramref name="tombstonesBefore"/>, for which it raises <see cref="ServiceRecord.PurgedRevision"/>. Returns how many it removed; 0 says that
    /// nothing is left to purge.
    /// </summary>
    int Purge(DateTimeOffset tombstonesBefore, int limit);

    /// <summary>
    /// Makes the transaction durable. When it throws, the outcome is not known until <see cref="IPresenceStore.Reopen"/>.
    /// </summary>
    void Commit();
}
