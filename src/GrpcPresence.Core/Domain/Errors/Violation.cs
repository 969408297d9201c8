namespace GrpcPresence.Core.Domain.Errors;

/// <summary>One thing that is wrong with a request.</summary>
/// <param name="Field">The path of the field in the request, in proto names.</param>
/// <param name="Reason">Why the field is wrong.</param>
/// <param name="Description">The rule for the field, for people.</param>
public sealed record Violation(string Field, ErrorReason Reason, string Description);
