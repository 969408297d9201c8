namespace GrpcPresence.Server.Streams;

/// <summary>Marks an endpoint that serves a stream.</summary>
/// <param name="DrainsItself">Whether its streams notice that the server stops, and send a last message then.</param>
internal sealed record StreamMetadata(bool DrainsItself);
