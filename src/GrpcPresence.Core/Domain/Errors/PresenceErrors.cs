using System.Globalization;

namespace GrpcPresence.Core.Domain.Errors;

/// <summary>The refusals that more than one place makes, each with the details that its reason promises.</summary>
public static class PresenceErrors
{
    /// <summary>No such service instance.</summary>
    public static PresenceException ServiceInstanceNotFound(object serviceSid) =>
        With(ErrorReason.ServiceInstanceNotFound, "There is no service instance with this SID.", "service_sid", serviceSid);

    /// <summary>The SID is taken.</summary>
    public static PresenceException ServiceInstanceAlreadyExists(object serviceSid) =>
        With(ErrorReason.ServiceInstanceAlreadyExists, "Another service instance has this SID.", "service_sid", serviceSid);

    /// <summary>No such user.</summary>
    public static PresenceException UserNotFound(object userKey) =>
        With(ErrorReason.UserNotFound, "The service instance has no user with this SID or identity.", "user_key", userKey);

    /// <summary>The identity is taken.</summary>
    public static PresenceException UserAlreadyExists(object identity) =>
        With(ErrorReason.UserAlreadyExists, "Another user of the service instance has this identity.", "identity", identity);

    /// <summary>No such push binding.</summary>
    public static PresenceException PushBindingNotFound(object bindingSid) =>
        With(ErrorReason.PushBindingNotFound, "The service instance has no push binding with this SID.", "push_binding_sid", bindingSid);

    /// <summary>The user has as many push bindings as are allowed.</summary>
    public static PresenceException PushBindingLimitExceeded(int limit) =>
        With(ErrorReason.PushBindingLimitExceeded, $"The user already has {limit} push bindings.", "limit", limit);

    /// <summary>No API key that is in force.</summary>
    public static PresenceException ApiKeyNotFound(object keySid) =>
        With(ErrorReason.ApiKeyNotFound, "There is no API key with this SID.", "api_key_sid", keySid);

    /// <summary>The API key is in force no more.</summary>
    public static PresenceException ApiKeyRevoked(object keySid) =>
        With(ErrorReason.ApiKeyRevoked, "The API key was revoked, or has another secret now.", "api_key_sid", keySid);

    /// <summary>Another API key has the certificate name.</summary>
    public static PresenceException CertificateNameTaken(string name) =>
        With(ErrorReason.CertificateNameTaken, "Another API key has this certificate name.", "certificate_name", name);

    /// <summary>There are as many API keys as are allowed.</summary>
    public static PresenceException ApiKeyLimitExceeded(int limit) =>
        With(ErrorReason.ApiKeyLimitExceeded, $"There are {limit} API keys in force already.", "limit", limit);

    /// <summary>A quota is used up.</summary>
    /// <param name="quota">Which.</param>
    /// <param name="subject">Whose.</param>
    /// <param name="limit">How much it allows: a number, or a number a second.</param>
    /// <param name="retryAfter">After which time there may be room again.</param>
    public static PresenceException QuotaExceeded(Quota quota, QuotaSubject subject, int limit, TimeSpan retryAfter) =>
        new(ErrorReason.QuotaExceeded, $"The quota {QuotaNames.Of(quota)} of the {QuotaNames.Of(subject)}, {limit}, is used up.")
        {
            Details = new Dictionary<string, string>
            {
                ["quota"] = QuotaNames.Of(quota),
                ["subject"] = QuotaNames.Of(subject),
                ["limit"] = limit.ToString(CultureInfo.InvariantCulture),
            },
            RetryAfter = retryAfter,
        };

    /// <summary>The etag is not the current one.</summary>
    public static PresenceException EtagMismatch() =>
        new(ErrorReason.EtagMismatch, "The etag is not the current one: the object was changed in between.");

    /// <summary>The session was ended.</summary>
    public static PresenceException SessionEnded() =>
        new(ErrorReason.SessionEnded, "The session was ended; start a new one.");

    /// <summary>The webhook that was asked before an edit answered with this HTTP status.</summary>
    public static PresenceException WebhookRefused(int status) =>
        With(ErrorReason.WebhookRefused, "The service instance's webhook refused the edit.", "webhook_status", status);

    /// <summary>Everything, once the server is stopping.</summary>
    public static PresenceException ServerStopping() => new(ErrorReason.ServerStopping, "The server is shutting down.");

    private static PresenceException With(ErrorReason reason, string message, string key, object value) =>
        new(reason, message) { Details = new Dictionary<string, string> { [key] = value.ToString() ?? "" } };
}
