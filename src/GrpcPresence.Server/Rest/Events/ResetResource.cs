namespace GrpcPresence.Server.Rest.Events;

/// <summary>All users follow as they are.</summary>
/// <param name="Reason">Why: a reason of <c>ResetReason</c> in camel case.</param>
internal sealed record ResetResource(string Reason);
