using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// The only write transaction. It sees its own writes. Disposing it without <see cref="Commit"/> rolls everything back. Used only by the
/// writer's thread. A service instance that was read stays locked against other writers until the end, so that its revisions have no gaps.
/// </summary>
/// <exception cref="StorageException">From every method: the store failed; the transaction is lost.</exception>
public interface IStoreTransaction : IDisposable
{
    /// <summary>Identifies this transaction among all transactions of the store; see <see cref="IPresenceStore.Reopen"/>.</summary>
    long Id { get; }

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    ServiceRecord? FindService(ServiceSid service);

    /// <summary>Adds a service instance and returns it with its key. The SID must be free.</summary>
    ServiceRecord InsertService(ServiceRecord service);

    /// <summary>
    /// Writes a service instance found by its key: friendly name, configuration, revision, and <see cref="ServiceRecord.UserCount"/> as
    /// given. The store itself does not count.
    /// </summary>
    void UpdateService(ServiceRecord service);

    /// <summary>
    /// Makes a service instance invisible and frees its SID, in a time that does not depend on its size. <see cref="Purge"/> removes its
    /// rows.
    /// </summary>
    void DeleteService(long serviceId);

    /// <summary>Returns the user, or null.</summary>
    UserRecord? FindUser(long serviceId, UserKey key);

    /// <summary>
    /// Adds a user and returns it with its key. Identity and SID must be free. Does not change the service instance's record.
    /// </summary>
    UserRecord InsertUser(long serviceId, UserRecord user);

    /// <summary>Writes a user found by its key.</summary>
    void UpdateUser(UserRecord user);

    /// <summary>
    /// Writes what a transition changes of a user found by its key: <see cref="UserRecord.IsOnline"/>,
    /// <see cref="UserRecord.LastOnlineTime"/>, <see cref="UserRecord.LastAlive"/>, and the revisions of the row, of both reachability
    /// values and of becoming known. The rest is as <see cref="FindUser"/> read it in this transaction, and need not be written.
    /// </summary>
    void UpdatePresence(UserRecord user);

    /// <summary>
    /// Writes the <see cref="UserRecord.LastAlive"/> of a user. Does nothing if the user does not exist. Takes no revision.
    /// </summary>
    void MarkAlive(long serviceId, UserSid user, TimeSpan uptime);

    /// <summary>
    /// Remembers that a session ended, whether or not the user exists. Keeps the later time if the id is remembered already.
    /// </summary>
    void AddEndedSession(long serviceId, Identity identity, SessionId session, TimeSpan until);

    /// <summary>Forgets an ended session. Does nothing if it is not remembered.</summary>
    void RemoveEndedSession(long serviceId, Identity identity, SessionId session);

    /// <summary>Replaces the uptime.</summary>
    void StoreUptime(ServerUptime uptime);

    /// <summary>Removes a user and its push bindings, and adds the tombstone. Does not change the service instance's record.</summary>
    void DeleteUser(long serviceId, UserRecord user, Tombstone tombstone);

    /// <summary>Returns the push binding, or null.</summary>
    PushBinding? FindBinding(long serviceId, BindingSid binding);

    /// <summary>Returns the push binding with this address, or null.</summary>
    PushBinding? FindBinding(long serviceId, BindingType type, string endpoint);

    /// <summary>
    /// Adds a push binding of the user and returns it with its key. The address must be free. Does not change the user's record.
    /// </summary>
    PushBinding InsertBinding(long serviceId, long userId, PushBinding binding);

    /// <summary>Moves a push binding to another user. Does not change either user's record.</summary>
    void MoveBinding(PushBinding binding, long userId);

    /// <summary>Removes a push binding. Does not change the user's record.</summary>
    void DeleteBinding(PushBinding binding);

    /// <summary>Returns the API key, revoked or not, or null.</summary>
    ApiKey? FindApiKey(ApiKeySid sid);

    /// <summary>Returns the API key in force that has the certificate name, or null. The name must not be empty.</summary>
    ApiKey? FindApiKey(string certificateName);

    /// <summary>Counts the API keys whose scope is exactly this; null is the whole deployment.</summary>
    (int InForce, int Revoked) CountApiKeys(ServiceSid? scope);

    /// <summary>Returns the API keys in force whose scope is the service instance, by ascending key.</summary>
    IReadOnlyList<ApiKey> ListApiKeysInForce(ServiceSid scope);

    /// <summary>Removes the API key of exactly this scope that was revoked first, and returns it; null if none is revoked.</summary>
    ApiKey? DeleteOldestRevokedApiKey(ServiceSid? scope);

    /// <summary>Adds an API key and returns it with its key. The SID must be free.</summary>
    ApiKey InsertApiKey(ApiKey key);

    /// <summary>Writes an API key found by its key: its secrets and their times, and when it was revoked.</summary>
    void UpdateApiKey(ApiKey key);

    /// <summary>Returns the webhook settings of the service instance; null if they were never set.</summary>
    StoredWebhook? FindWebhook(long serviceId);

    /// <summary>
    /// Writes the webhook settings of a service instance, found by its key, and their position. Replaces earlier settings.
    /// </summary>
    void PutWebhook(StoredWebhook webhook);

    /// <summary>
    /// Replaces the position of the webhook settings that have a <see cref="WebhookSettings.PostUrl"/>. Does nothing if the present
    /// position is not <paramref name="expected"/>, or if no such settings exist.
    /// </summary>
    void AdvanceWebhook(long serviceId, WebhookPosition expected, WebhookPosition reached);

    /// <summary>Returns the notification settings of the service instance; the defaults if they were never set.</summary>
    NotificationSettings FindNotifications(long serviceId);

    /// <summary>Writes the notification settings of a service instance. Replaces earlier settings.</summary>
    void PutNotifications(long serviceId, NotificationSettings settings);

    /// <summary>
    /// Removes at most <paramref name="limit"/> rows that are no longer needed: those of deleted service instances, tombstones from before
    /// <paramref name="tombstonesBefore"/>, for which it raises <see cref="ServiceRecord.PurgedRevision"/>, and ended sessions whose time
    /// the stored uptime has passed. Returns the number of removed rows; 0 means that nothing is left to purge.
    /// </summary>
    int Purge(DateTimeOffset tombstonesBefore, int limit);

    /// <summary>Makes the transaction durable. If it throws, the outcome is unknown until <see cref="IPresenceStore.Reopen"/>.</summary>
    void Commit();
}
