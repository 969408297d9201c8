namespace GrpcPresence.Server.Rest.Updates;

/// <summary>The watch ends.</summary>
/// <param name="Reason">Why, as <c>error_reason.proto</c> documents it, without its prefix.</param>
/// <param name="Message">A line for people.</param>
internal sealed record EndResource(string Reason, string Message);
