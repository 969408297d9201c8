namespace GrpcPresence.Server.Rest.Api;

/// <summary>The notification of a new message with media.</summary>
internal sealed record MediaResource(bool Enabled, string? Template);
