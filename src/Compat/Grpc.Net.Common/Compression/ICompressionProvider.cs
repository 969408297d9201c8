using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>A message encoding that a client and a server can agree on.</summary>
public interface ICompressionProvider
{
    /// <summary>The name in the <c>grpc-encoding</c> and <c>grpc-accept-encoding</c> headers.</summary>
    string EncodingName { get; }

    /// <summary>A stream that compresses what is written to it into <paramref name="stream"/>, which stays open.</summary>
    /// <param name="stream">Receives the compressed bytes.</param>
    /// <param name="compressionLevel">The effort to make; null for the provider's own.</param>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>A stream whose reads give what was compressed into <paramref name="stream"/>, which stays open.</summary>
    /// <param name="stream">Holds the compressed bytes.</param>
    Stream CreateDecompressionStream(Stream stream);
}
