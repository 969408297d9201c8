using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Asks the service instance's back end before a profile is edited. As the product documents it, an answer of 4xx or 5xx refuses the edit,
/// and no answer
/// within five seconds lets it through: a back end that is away stops nobody. A body that changes the edit is not supported; it is not
/// read.
/// </summary>
internal sealed class PreHook(IStoreReader store, WebhookClient client, ServerSettings settings, IHostApplicationLifetime lifetime)
{
    /// <summary>
    /// Returns when the edit may be made. Nobody is asked without a URL, where the event is not among the filters, of a user who does not
    /// exist, or of an
    /// edit that changes nothing. To be called for callers who may make the edit: others must not be able to call anybody's back end.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="key">The user.</param>
    /// <param name="edit">What is to change.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="PresenceException">WebhookRefused, ServiceInstanceNotFound, StorageUnavailable, ServerStopping.</exception>
    public async ValueTask AskAsync(ServiceSid service, UserKey key, UserEdit edit, CancellationToken cancellationToken)
    {
        var webhook = await store.FindWebhookAsync(service, cancellationToken);
        if (webhook is not { Settings: { PreUrl.Length: > 0 } asked } || !asked.Filters.Contains(WebhookEvents.UserUpdate))
            return;
        var read = await store.FindUsersAsync(service, [key], cancellationToken);
        if (read.Users is not [{ Record: { } record } user] || edit.Apply(record, user.Revision) == record)
            return;
        var form = WebhookForm.OfEdit(settings.AccountSid, user, edit);
        if (await SendAsync(asked, form, cancellationToken) is { } status && status >= HttpStatusCode.BadRequest)
            throw PresenceErrors.WebhookRefused((int)status);
    }

    /// <summary>A server that stops does not wait for back ends: they would have all the time that it has for stopping.</summary>
    private async Task<HttpStatusCode?> SendAsync(
        WebhookSettings asked, IReadOnlyList<KeyValuePair<string, string>> form, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        try
        {
            return await client.SendAsync(asked.PreUrl, asked.Method, form, either.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested
            && !cancellationToken.IsCancellationRequested)
        {
            throw PresenceErrors.ServerStopping();
        }
    }
}
