namespace GrpcPresence.Server.Streams;

/// <summary>Marks an endpoint that serves a stream.</summary>
/// <param name="DrainsItself">Whether its streams handle the stop themselves, to send a last message.</param>
internal sealed record StreamMetadata(bool DrainsItself);
