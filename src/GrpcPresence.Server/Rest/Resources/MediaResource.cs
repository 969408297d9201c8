namespace GrpcPresence.Server.Rest.Resources;

/// <summary>How a new message with media is notified.</summary>
internal sealed record MediaResource(bool Enabled, string? Template);
