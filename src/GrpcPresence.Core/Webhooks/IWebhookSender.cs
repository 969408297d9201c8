using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Webhooks;

/// <summary>The port through which Core sends webhook events; Core knows no HTTP. Safe from any thread.</summary>
public interface IWebhookSender
{
    /// <summary>
    /// Sends the event once. The call takes a bounded time whatever the endpoint does. A failure of the endpoint is an outcome, not an
    /// exception.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled. The endpoint may have received the event.</exception>
    Task<WebhookOutcome> SendAsync(WebhookDelivery delivery, CancellationToken cancellationToken);
}

/// <summary>One event for one endpoint.</summary>
/// <param name="Url">An absolute http or https URL.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="EventType">The name of the event, one of <see cref="WebhookEvents"/>.</param>
/// <param name="User">The user's newest state. The user is not deleted.</param>
/// <param name="Reasons">The changes since the last event of this user; at least one.</param>
public sealed record WebhookDelivery(string Url, WebhookMethod Method, string EventType, UserState User, UpdateReasons Reasons)
{
    /// <summary>The secret that signs the event.</summary>
    public WebhookSigner Signer { get; init; }

    /// <summary>Orders revisions of before and after a restore.</summary>
    public long Epoch { get; init; }
}

/// <summary>The outcome of one attempt to deliver an event.</summary>
public enum WebhookOutcome
{
    /// <summary>The endpoint took the event.</summary>
    Taken,

    /// <summary>The endpoint refused the event permanently. The event is not sent again.</summary>
    Refused,

    /// <summary>The endpoint was unreachable, did not answer in time, or returned an error that may be temporary.</summary>
    Failed,

    /// <summary>The event was not sent, because the server had no capacity. This says nothing about the endpoint.</summary>
    Deferred,
}
