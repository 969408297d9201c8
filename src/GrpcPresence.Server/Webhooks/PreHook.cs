using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Asks the service instance's back end before a profile is edited. As Twilio Conversations documents, a 4xx or 5xx response rejects the
/// edit. A failed connection is tried again. Without a response within five seconds the edit proceeds, so an unavailable back end blocks no
/// edits, unless the service instance chose to fail closed. Responses that change the edit are not supported, so the body is not read.
/// Edits that wait are limited for each service instance and in all. An edit beyond that is rejected, because a server that cannot ask must
/// not decide for the back end. For the same reason, an edit is rejected if the server cannot sign the request or does not call the URL.
/// </summary>
internal sealed class PreHook(
    IStoreReader store, WebhookClient client, WebhookSecrets secrets, WebhookLimits limits, QuotaLimiter quotas, WebhookLog log,
    ServerSettings settings, IHostApplicationLifetime lifetime)
{
    /// <summary>
    /// Returns when the edit may proceed. Sends no request without a URL, for an event that the filters exclude, or for an edit without
    /// changes. Call this only for callers that may make the edit, so that others cannot trigger requests to a back
    /// end.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="key">The key of the user.</param>
    /// <param name="edit">The edit.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="PresenceException">
    /// WebhookRefused, WebhookUnanswered, QuotaExceeded, WebhookCapacityExceeded, ServiceInstanceNotFound, UserNotFound, StorageUnavailable
    /// (also of the secret file), ServerStopping.
    /// </exception>
    public async ValueTask AskAsync(ServiceSid service, UserKey key, UserEdit edit, CancellationToken cancellationToken)
    {
        var webhook = await store.FindWebhookAsync(service, cancellationToken);
        if (webhook is not { Settings: { PreUrl.Length: > 0 } asked } || !asked.Filters.Contains(WebhookEvents.UserUpdate))
            return;
        var read = await store.FindUsersAsync(service, [key], cancellationToken);
        // The user may be created before the edit is made, so that it would not fail there.
        if (read.Users is not [{ Record: { } record } user])
            throw PresenceErrors.UserNotFound(key);
        if (edit.Apply(record, user.Revision) == record)
            return;
        var form = WebhookForm.OfEdit(settings.AccountSid, user, edit);
        WebhookAnswer answer;
        try
        {
            answer = await AskAsync(read.Service, webhook, form, cancellationToken);
        }
        catch (PresenceException refusal) when (ReasonOf(refusal) is { } reason)
        {
            log.Undecided(service, reason, isRejected: true);
            throw;
        }
        if (answer.Failure is { } failure)
        {
            var isUncalled = failure is WebhookFailure.AddressRejected or WebhookFailure.UrlRejected;
            log.Undecided(service, ReasonOf(failure), isRejected: isUncalled || asked.PreFailsClosed);
            if (isUncalled)
                throw PresenceErrors.WebhookNotCalled();
            if (asked.PreFailsClosed)
                throw PresenceErrors.WebhookUnanswered();
        }
        if (answer.Status >= HttpStatusCode.InternalServerError)
            log.Undecided(service, $"HTTP status {(int)answer.Status}", isRejected: true);
        if (answer.Status >= HttpStatusCode.BadRequest)
            throw PresenceErrors.WebhookRefused((int)answer.Status);
    }

    /// <summary>Asks, if the limits of edits that wait allow it.</summary>
    private async Task<WebhookAnswer> AskAsync(
        ServiceRecord service,
        StoredWebhook webhook,
        IReadOnlyList<KeyValuePair<string, string>> form,
        CancellationToken cancellationToken)
    {
        var use = new WebhookUse(service.Sid, IsBeforeEdit: true);
        try
        {
            limits.Pending.Acquire(use);
        }
        catch (PresenceException)
        {
            await quotas.HoldRejectionAsync(quotas.OfServiceInstance(service.Id), cancellationToken);
            throw;
        }
        try
        {
            return await SendAsync(use, webhook, form, cancellationToken);
        }
        finally
        {
            limits.Pending.Release(use);
        }
    }

    /// <summary>
    /// Sends the request, and cancels it when the server stops. Otherwise back ends could use up the whole shutdown timeout.
    /// </summary>
    private async Task<WebhookAnswer> SendAsync(
        WebhookUse use, StoredWebhook webhook, IReadOnlyList<KeyValuePair<string, string>> form, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        try
        {
            var request = new WebhookRequest(webhook.Settings.PreUrl, webhook.Settings.Method, form)
            {
                Use = use,
                Secret = secrets.Find(webhook.Signer),
                RetriesConnection = true,
            };
            return await client.SendAsync(request, either.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested
            && !cancellationToken.IsCancellationRequested)
        {
            throw PresenceErrors.ServerStopping();
        }
    }

    private static string? ReasonOf(PresenceException refusal) => refusal.Reason switch
    {
        ErrorReason.QuotaExceeded => "too many edits wait, or too many connections or lookups are in use",
        ErrorReason.WebhookCapacityExceeded => "the server has no capacity left",
        ErrorReason.StorageUnavailable => "the secret file cannot be used",
        _ => null,
    };

    private static string ReasonOf(WebhookFailure failure) => failure switch
    {
        WebhookFailure.NoAnswer => "no answer in time",
        WebhookFailure.NoConnection => "no connection",
        WebhookFailure.NameNotResolved => "the host name was not resolved",
        WebhookFailure.TlsFailed => "the handshake of TLS failed, or the certificate is invalid",
        WebhookFailure.InvalidResponse => "the response is invalid",
        WebhookFailure.AddressRejected => "the address is not allowed",
        WebhookFailure.UrlRejected => "the URL is no longer accepted",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "The failure has no text."),
    };
}
