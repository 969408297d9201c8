using System.Globalization;

namespace GrpcPresence.Core.Domain.Errors;

/// <summary>Creates the errors that more than one caller needs, each with the metadata that its reason promises.</summary>
public static class PresenceErrors
{
    /// <summary>Reports that the service instance does not exist, or that the caller may not see it.</summary>
    public static PresenceException ServiceInstanceNotFound(object serviceSid) =>
        With(ErrorReason.ServiceInstanceNotFound, $"Service instance {serviceSid} does not exist.", "service_sid", serviceSid);

    /// <summary>Reports that another service instance has the SID.</summary>
    public static PresenceException ServiceInstanceAlreadyExists(object serviceSid) =>
        With(
            ErrorReason.ServiceInstanceAlreadyExists,
            $"Service instance {serviceSid} already exists. Choose another SID.",
            "service_sid",
            serviceSid);

    /// <summary>Reports that the user does not exist.</summary>
    public static PresenceException UserNotFound(object userKey) =>
        With(
            ErrorReason.UserNotFound,
            "The service instance has no user with this SID or identity. Create the user first.",
            "user_key",
            userKey);

    /// <summary>Reports that another user has the identity.</summary>
    public static PresenceException UserAlreadyExists(object identity) =>
        With(
            ErrorReason.UserAlreadyExists,
            "Another user of the service instance has this identity. Update that user or choose another identity.",
            "identity",
            identity);

    /// <summary>Reports that the push binding does not exist.</summary>
    public static PresenceException PushBindingNotFound(object bindingSid) =>
        With(
            ErrorReason.PushBindingNotFound,
            $"Push binding {bindingSid} does not exist in this service instance.",
            "push_binding_sid",
            bindingSid);

    /// <summary>Reports that the user has the maximum number of push bindings.</summary>
    public static PresenceException PushBindingLimitExceeded(int limit) =>
        With(
            ErrorReason.PushBindingLimitExceeded,
            $"The user already has the maximum of {limit} push bindings. Delete one first.",
            "limit",
            limit);

    /// <summary>Reports that the API key does not exist or is no longer active.</summary>
    public static PresenceException ApiKeyNotFound(object keySid) =>
        With(ErrorReason.ApiKeyNotFound, $"API key {keySid} does not exist.", "api_key_sid", keySid);

    /// <summary>Reports that the API key was revoked, or that its secret was replaced.</summary>
    public static PresenceException ApiKeyRevoked(object keySid) =>
        With(
            ErrorReason.ApiKeyRevoked,
            $"API key {keySid} was revoked or its secret was replaced. Use a valid secret.",
            "api_key_sid",
            keySid);

    /// <summary>Reports that another API key has the certificate name.</summary>
    public static PresenceException CertificateNameTaken(string name) =>
        With(
            ErrorReason.CertificateNameTaken,
            "Another API key has this certificate name. Choose another name, or revoke that key.",
            "certificate_name",
            name);

    /// <summary>Reports that the deployment has the maximum number of API keys.</summary>
    public static PresenceException ApiKeyLimitExceeded(int limit) =>
        With(
            ErrorReason.ApiKeyLimitExceeded,
            $"The deployment already has the maximum of {limit} active API keys. Revoke one first.",
            "limit",
            limit);

    /// <summary>Reports that the response would exceed this many bytes.</summary>
    public static PresenceException ResponseTooLarge(int limit) =>
        With(
            ErrorReason.ResponseTooLarge,
            $"The users exceed {limit} bytes together. Name fewer users, or select a smaller view.",
            "limit",
            limit);

    /// <summary>Reports that a quota is exceeded.</summary>
    /// <param name="quota">The quota.</param>
    /// <param name="subject">The kind of subject whose quota it is.</param>
    /// <param name="limit">What the quota allows: a number, or a number per second.</param>
    /// <param name="retryAfter">The time after which a retry may succeed.</param>
    public static PresenceException QuotaExceeded(Quota quota, QuotaSubject subject, int limit, TimeSpan retryAfter) =>
        new(
            ErrorReason.QuotaExceeded,
            $"Quota {QuotaNames.Of(quota)} of the {QuotaNames.Of(subject)} exceeded: the limit is {limit}. Retry after the given delay.")
        {
            Details = new Dictionary<string, string>
            {
                ["quota"] = QuotaNames.Of(quota),
                ["subject"] = QuotaNames.Of(subject),
                ["limit"] = limit.ToString(CultureInfo.InvariantCulture),
            },
            RetryAfter = retryAfter,
        };

    /// <summary>Reports that a stream without credentials was idle for too long or sent too many requests.</summary>
    public static PresenceException StreamMaxAge() =>
        new(ErrorReason.StreamMaxAge, "The stream was idle for too long, or has sent too many requests. Open it again.");

    /// <summary>Reports that the client of a stream left a message unread for too long.</summary>
    public static PresenceException StreamStalled() => new(ErrorReason.WatchStalled, "The client has read nothing for too long.");

    /// <summary>Reports that the etag is outdated.</summary>
    public static PresenceException EtagMismatch() =>
        new(ErrorReason.EtagMismatch, "The etag is outdated: the object has changed since it was read. Read it again and retry.");

    /// <summary>Reports that the session has ended.</summary>
    public static PresenceException SessionEnded() =>
        new(ErrorReason.SessionEnded, "The session has ended. Start a new session with another session ID.");

    /// <summary>Reports that the webhook rejected an edit, with the HTTP status of its response.</summary>
    public static PresenceException WebhookRefused(int status) =>
        With(
            ErrorReason.WebhookRefused,
            $"The service instance's webhook rejected the edit with HTTP status {status}.",
            "webhook_status",
            status);

    /// <summary>Reports that the webhook gave no answer, and that the service instance rejects edits then.</summary>
    public static PresenceException WebhookUnanswered() =>
        new(ErrorReason.WebhookUnanswered, "The service instance's webhook gave no answer, so the edit is rejected. Retry later.");

    /// <summary>Reports that the server does not call the URL of the webhook.</summary>
    public static PresenceException WebhookNotCalled() => new(
        ErrorReason.WebhookUnanswered,
        "The server does not call the service instance's webhook, so the edit is rejected. Correct the URL of the webhook.");

    /// <summary>Reports that the server has no capacity left to ask webhooks.</summary>
    public static PresenceException WebhookCapacityExceeded() =>
        new(
            ErrorReason.WebhookCapacityExceeded,
            "The server has no capacity to ask the service instance's webhook now, so the edit is rejected. Retry later.");

    /// <summary>Reports that the server is stopping.</summary>
    public static PresenceException ServerStopping() =>
        new(ErrorReason.ServerStopping, "The server is shutting down. Retry, or connect to another server.");

    /// <summary>Reports that the node that decides about the user or the service instance cannot answer now.</summary>
    public static PresenceException OwnerUnavailable() =>
        new(ErrorReason.OwnerUnavailable, "The node that is responsible for this cannot answer now. Retry: a repetition does no harm.")
        {
            RetryAfter = Limits.OwnerRetry,
        };

    /// <summary>Reports that a write was given to a node that did not answer.</summary>
    public static PresenceException OutcomeUnknown() => new(
        ErrorReason.OutcomeUnknown,
        "The node that was to run the call did not answer. The call may have been done: read before you repeat it.");

    private static PresenceException With(ErrorReason reason, string message, string key, object value) =>
        new(reason, message) { Details = new Dictionary<string, string> { [key] = value.ToString() ?? "" } };
}
