namespace GrpcPresence.Server.Rest.Api;

/// <summary>How a new message with media is notified.</summary>
internal sealed record MediaResource(bool Enabled, string? Template);
