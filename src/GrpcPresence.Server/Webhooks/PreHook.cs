using System.Net;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Asks the service instance's back end before a profile is edited. As the product documents it, an answer of 4xx or 5xx refuses the edit, and no answer
/// within five seconds lets it through: a back end that is away stops nobody. A body that changes the edit is not supported; it is not read.
/// </summary>
internal sealed class PreHook(IStoreReader store, WebhookClient client, ServerSettings settings)
{
    /// <summary>Returns when the edit may be made. Nobody is asked without a URL, where the event is not among the filters, or of an edit that changes nothing.</summary>
    /// <param name="user">The user before the edit, who is not deleted.</param>
    /// <param name="edit">What is to change.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="PresenceException">WebhookRefused, ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async ValueTask AskAsync(UserState user, UserEdit edit, CancellationToken cancellationToken)
    {
        if (edit.Apply(user.Record!, user.Revision) == user.Record)
            return;
        var webhook = await store.FindWebhookAsync(user.Service, cancellationToken);
        if (webhook is not { Settings: { PreUrl.Length: > 0 } asked } || !asked.Filters.Contains(WebhookEvents.UserUpdate))
            return;
        var form = WebhookForm.OfEdit(settings.AccountSid, user, edit);
        if (await client.SendAsync(asked.PreUrl, asked.Method, form, cancellationToken) is { } status && status >= HttpStatusCode.BadRequest)
            throw Refusals.WebhookRefused((int)status);
    }
}
