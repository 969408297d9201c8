namespace GrpcPresence.Server.Rest.Errors;

/// <summary>A violation of one parameter.</summary>
/// <param name="Parameter">The name of the parameter.</param>
/// <param name="Reason">The reason, as <c>error_reason.proto</c> documents it, without its prefix.</param>
/// <param name="Description">The rule, for people.</param>
internal sealed record RestViolation(string Parameter, string Reason, string Description);
