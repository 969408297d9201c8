using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Webhooks;

/// <summary>One event to tell.</summary>
/// <param name="Url">Where to, an absolute http or https URL.</param>
/// <param name="Method">How.</param>
/// <param name="EventType">The name of the event, one of <see cref="WebhookEvents"/>.</param>
/// <param name="User">The user's state, not of a deleted user.</param>
/// <param name="Reasons">What changed since the user was last told of; never none.</param>
public sealed record WebhookDelivery(string Url, WebhookMethod Method, string EventType, UserState User, UpdateReasons Reasons);
