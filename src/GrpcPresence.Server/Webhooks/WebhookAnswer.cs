using System.Net;

namespace GrpcPresence.Server.Webhooks;

/// <summary>The answer to a webhook request: the status of a response, or why no response came. One of the two is null.</summary>
/// <param name="Status">The status of the response.</param>
/// <param name="Failure">Why no response came.</param>
internal readonly record struct WebhookAnswer(HttpStatusCode? Status, WebhookFailure? Failure);
