using System.IO.Compression;
using Grpc.Net.Compression;

namespace GrpcPresence.Compat.Tests.OverTheWire;

/// <summary>Counts the messages that go through another provider.</summary>
internal sealed class CountingCompressionProvider(ICompressionProvider inner) : ICompressionProvider
{
    private int _compressed;
    private int _decompressed;

    public int Compressed => Volatile.Read(ref _compressed);

    public int Decompressed => Volatile.Read(ref _decompressed);

    public string EncodingName => inner.EncodingName;

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel)
    {
        Interlocked.Increment(ref _compressed);
        return inner.CreateCompressionStream(stream, compressionLevel);
    }

    public Stream CreateDecompressionStream(Stream stream)
    {
        Interlocked.Increment(ref _decompressed);
        return inner.CreateDecompressionStream(stream);
    }
}
