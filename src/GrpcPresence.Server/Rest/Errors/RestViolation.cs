namespace GrpcPresence.Server.Rest.Errors;

/// <summary>One thing that is wrong with a request.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="Reason">Why, as <c>error_reason.proto</c> documents it, without its prefix.</param>
/// <param name="Description">What it must be, for people.</param>
internal sealed record RestViolation(string Parameter, string Reason, string Description);
