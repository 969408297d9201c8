using System.IO.Compression;
using Grpc.Net.Compression;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Adds gRPC's error for invalid data to gRPC's gzip provider. Without it gRPC returns UNKNOWN for data that cannot be decompressed, and
/// logs a server error.
/// </summary>
internal sealed class RequestGzip : ICompressionProvider
{
    private readonly GzipCompressionProvider _gzip = new(CompressionLevel.Fastest);

    /// <inheritdoc/>
    public string EncodingName => _gzip.EncodingName;

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        _gzip.CreateCompressionStream(stream, compressionLevel);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => new InflatedMessage(stream, _gzip.CreateDecompressionStream);
}
