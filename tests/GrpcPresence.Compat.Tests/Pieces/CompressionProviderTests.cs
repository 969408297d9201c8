using System.IO.Compression;
using Grpc.Net.Compression;

namespace GrpcPresence.Compat.Tests.Pieces;

public sealed class CompressionProviderTests
{
    private const byte GzipMagic = 0x1f;
    private const byte ZlibMagic = 0x78;

    [Fact]
    public void Gzip_gives_back_what_it_was_given() => RoundTrip(new GzipCompressionProvider(CompressionLevel.Optimal), "gzip", GzipMagic);

    [Fact]
    public void Deflate_gives_back_what_it_was_given_in_the_zlib_format() =>
        RoundTrip(new DeflateCompressionProvider(CompressionLevel.Optimal), "deflate", ZlibMagic);

    [Fact]
    public void A_message_can_ask_for_another_level()
    {
        var provider = new GzipCompressionProvider(CompressionLevel.NoCompression);

        Assert.True(Compress(provider, CompressionLevel.Optimal).Length < Compress(provider, level: null).Length);
    }

    private static void RoundTrip(ICompressionProvider provider, string name, byte magic)
    {
        using var compressed = Compress(provider, level: null);
        Assert.Equal(name, provider.EncodingName);
        Assert.Equal(magic, compressed.ToArray()[0]);

        using var decompressed = new MemoryStream();
        using (var stream = provider.CreateDecompressionStream(compressed))
        {
            stream.CopyTo(decompressed);
        }

        Assert.Equal(new byte[1000], decompressed.ToArray());
        Assert.True(compressed.CanRead);
    }

    private static MemoryStream Compress(ICompressionProvider provider, CompressionLevel? level)
    {
        var compressed = new MemoryStream();
        using (var stream = provider.CreateCompressionStream(compressed, level))
        {
            stream.Write(new byte[1000]);
        }

        compressed.Position = 0;
        return compressed;
    }
}
