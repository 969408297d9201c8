using System.IO.Compression;
using Grpc.Net.Compression;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// gzip, as gRPC has it; a message that is none is answered as one that cannot be decoded. Without it gRPC answers UNKNOWN, and logs it.
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
    public Stream CreateDecompressionStream(Stream stream) => new InflatedMessage(_gzip.CreateDecompressionStream(stream));
}
