using System.IO.Compression;
using Grpc.Net.Compression;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Names the encoding that requests may have, for gRPC's error about another one. <see cref="RequestBody"/> inflates messages before gRPC
/// reads them, because gRPC inflates without a limit for each method. Responses are never compressed.
/// </summary>
internal sealed class RequestGzip : ICompressionProvider
{
    /// <summary>The name of the encoding.</summary>
    public const string Name = "gzip";

    /// <inheritdoc/>
    public string EncodingName => Name;

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => throw new NotSupportedException();
}
