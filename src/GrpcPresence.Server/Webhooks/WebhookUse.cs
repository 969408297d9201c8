using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// What is charged for lookups and connections. Questions before edits and events of one service instance are charged apart, because
/// events can wait and edits cannot.
/// </summary>
/// <param name="Service">The service instance.</param>
/// <param name="IsBeforeEdit">Whether the requests ask before edits.</param>
internal readonly record struct WebhookUse(ServiceSid Service, bool IsBeforeEdit = false);
