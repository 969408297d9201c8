namespace GrpcPresence.Server.Rest.Events;

/// <summary>The event before a snapshot of all users.</summary>
/// <param name="Reason">The reason: a value of <c>ResetReason</c> in camel case.</param>
internal sealed record ResetResource(string Reason);
