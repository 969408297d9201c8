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
/// not decide for the back end.
/// </summary>
internal sealed class PreHook(
    IStoreReader store, WebhookClient client, WebhookSecrets secrets, WebhookLimits limits, QuotaLimiter quotas, ServerSettings settings,
    IHostApplicationLifetime lifetime)
{
    /// <summary>
    /// Returns when the edit may proceed. Sends no request without a URL, for an event that the filters exclude, for a missing user, or for
    /// an edit that changes nothing. Call this only for callers that may make the edit, so that others cannot trigger requests to a back
    /// end.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="key">The key of the user.</param>
    /// <param name="edit">The edit.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="PresenceException">
    /// WebhookRefused, WebhookUnanswered, QuotaExceeded, WebhookCapacityExceeded, ServiceInstanceNotFound, StorageUnavailable,
    /// ServerStopping.
    /// </exception>
    public async ValueTask AskAsync(ServiceSid service, UserKey key, UserEdit edit, CancellationToken cancellationToken)
    {
        var webhook = await store.FindWebhookAsync(service, cancellationToken);
        if (webhook is not { Settings: { PreUrl.Length: > 0 } asked } || !asked.Filters.Contains(WebhookEvents.UserUpdate))
            return;
        var read = await store.FindUsersAsync(service, [key], cancellationToken);
        if (read.Users is not [{ Record: { } record } user] || edit.Apply(record, user.Revision) == record)
            return;
        var form = WebhookForm.OfEdit(settings.AccountSid, user, edit);
        var use = new WebhookUse(service, IsBeforeEdit: true);
        try
        {
            limits.Pending.Acquire(use);
        }
        catch (PresenceException)
        {
            await quotas.HoldRejectionAsync(quotas.OfServiceInstance(read.Service.Id), cancellationToken);
            throw;
        }
        HttpStatusCode? status;
        try
        {
            status = await SendAsync(use, webhook, form, cancellationToken);
        }
        finally
        {
            limits.Pending.Release(use);
        }
        if (status >= HttpStatusCode.BadRequest)
            throw PresenceErrors.WebhookRefused((int)status);
        if (status is null && asked.PreFailsClosed)
            throw PresenceErrors.WebhookUnanswered();
    }

    /// <summary>
    /// Sends the request, and cancels it when the server stops. Otherwise back ends could use up the whole shutdown timeout.
    /// </summary>
    private async Task<HttpStatusCode?> SendAsync(
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
        catch (SettingsException)
        {
            return null; // the back end cannot be asked without a signature
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested
            && !cancellationToken.IsCancellationRequested)
        {
            throw PresenceErrors.ServerStopping();
        }
    }
}
