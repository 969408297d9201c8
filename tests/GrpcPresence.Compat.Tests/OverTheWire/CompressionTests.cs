using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class CompressionTests
{
    /// <summary>The client's request for an encoding; the client takes it out of the headers.</summary>
    private const string RequestEncoding = "grpc-internal-encoding-request";

    private static readonly string Long = new('x', 10_000);

    public static TheoryData<string> Encodings => ["gzip", "deflate"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_response_is_compressed_when_the_server_is_set_to(string encoding)
    {
        var provider = ProviderOf(encoding);
        await using var server = await EchoServer.Start(options => options.ResponseCompressionAlgorithm = encoding);
        using var channel = ChannelTo(server, provider);

        var response = await new EchoService.EchoServiceClient(channel)
            .OnceAsync(new EchoRequest { Text = Long }, cancellationToken: TestRun.Token);

        Assert.Equal(Long, response.Text);
        Assert.Equal((0, 1), (provider.Compressed, provider.Decompressed));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_request_is_compressed_when_its_call_asks_for_it(string encoding)
    {
        var provider = ProviderOf(encoding);
        await using var server = await EchoServer.Start();
        using var channel = ChannelTo(server, provider);

        var response = await new EchoService.EchoServiceClient(channel).OnceAsync(
            new EchoRequest { Text = Long },
            new Metadata { { RequestEncoding, encoding } },
            cancellationToken: TestRun.Token);

        Assert.Equal(Long, response.Text);
        Assert.Equal((1, 0), (provider.Compressed, provider.Decompressed));
    }

    [Fact]
    public async Task A_response_that_says_no_compression_goes_plain()
    {
        var provider = ProviderOf("gzip");
        await using var server = await EchoServer.Start(options => options.ResponseCompressionAlgorithm = "gzip");
        server.Behaviour.OnCall = context =>
        {
            context.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
            return Task.CompletedTask;
        };
        using var channel = ChannelTo(server, provider);

        var response = await new EchoService.EchoServiceClient(channel)
            .OnceAsync(new EchoRequest { Text = Long }, cancellationToken: TestRun.Token);

        Assert.Equal(Long, response.Text);
        Assert.Equal(0, provider.Decompressed);
    }

    [Fact]
    public async Task Each_request_of_a_stream_can_go_compressed_or_plain()
    {
        var provider = ProviderOf("gzip");
        await using var server = await EchoServer.Start();
        using var channel = ChannelTo(server, provider);
        var headers = new Metadata { { RequestEncoding, "gzip" } };
        using var call = new EchoService.EchoServiceClient(channel).Join(headers, cancellationToken: TestRun.Token);

        await call.RequestStream.WriteAsync(new EchoRequest { Text = "a" }, TestRun.Token);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, TestRun.Token);
        await call.RequestStream.CompleteAsync();

        Assert.Equal("a b", (await call).Text);
        Assert.Equal(1, provider.Compressed);
    }

    private static CountingCompressionProvider ProviderOf(string encoding) => new(encoding == "gzip"
        ? new GzipCompressionProvider(CompressionLevel.Fastest)
        : new DeflateCompressionProvider(CompressionLevel.Fastest));

    private static GrpcChannel ChannelTo(EchoServer server, ICompressionProvider provider) =>
        GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { CompressionProviders = [provider] });
}
