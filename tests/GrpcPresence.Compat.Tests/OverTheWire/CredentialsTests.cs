using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class CredentialsTests
{
    [Fact]
    public async Task Call_credentials_add_headers_to_their_call()
    {
        await using var server = await EchoServer.Start();
        var seen = SeenHeaders(server);
        using var channel = ChannelThatSendsCredentialsInTheClear(server);

        await Call(channel, CallCredentials.FromInterceptor(AddToken));

        Assert.Equal($"token for {server.Address}grpcpresence.compat.echo.v1.EchoService Once", seen().GetValue("authorization"));
    }

    [Fact]
    public async Task Composed_call_credentials_all_add_their_headers()
    {
        await using var server = await EchoServer.Start();
        var seen = SeenHeaders(server);
        using var channel = ChannelThatSendsCredentialsInTheClear(server);

        await Call(channel, CallCredentials.Compose(Adding("first"), Adding("second")));

        Assert.Equal("yes", seen().GetValue("first"));
        Assert.Equal("yes", seen().GetValue("second"));
    }

    [Fact]
    public async Task Call_credentials_stay_off_an_insecure_channel()
    {
        await using var server = await EchoServer.Start();
        var seen = SeenHeaders(server);
        using var channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { Credentials = ChannelCredentials.Insecure });

        await Call(channel, Adding("first"));

        Assert.Null(seen().Get("first"));
    }

    [Fact]
    public async Task Call_credentials_that_fail_fail_the_call()
    {
        await using var server = await EchoServer.Start();
        using var channel = ChannelThatSendsCredentialsInTheClear(server);
        var failing = CallCredentials.FromInterceptor((_, _) => throw new InvalidOperationException("no token"));

        var failure = await Assert.ThrowsAsync<RpcException>(() => Call(channel, failing));

        Assert.IsType<InvalidOperationException>(failure.InnerException);
    }

    [Fact]
    public async Task Channel_credentials_secure_the_channel_and_authenticate_each_call()
    {
        using var certificate = SelfSignedCertificate.ForLoopback();
        await using var server = await EchoServer.StartWithTls(certificate);
        var seen = SeenHeaders(server);
        using var channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions
        {
            Credentials = ChannelCredentials.Create(ChannelCredentials.SecureSsl, Adding("first")),
            HttpHandler = SelfSignedCertificate.HandlerThatTrusts(certificate),
        });

        await Call(channel, credentials: null);
        Assert.Equal("yes", seen().GetValue("first"));

        await Call(channel, Adding("second"));
        Assert.Equal("yes", seen().GetValue("first"));
        Assert.Equal("yes", seen().GetValue("second"));
    }

    private static GrpcChannel ChannelThatSendsCredentialsInTheClear(EchoServer server) =>
        GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { UnsafeUseInsecureChannelCallCredentials = true });

    private static Func<Metadata> SeenHeaders(EchoServer server)
    {
        var seen = new Metadata();
        server.Behaviour.OnCall = context =>
        {
            seen = context.RequestHeaders;
            return Task.CompletedTask;
        };
        return () => seen;
    }

    private static async Task Call(GrpcChannel channel, CallCredentials? credentials) =>
        await new EchoService.EchoServiceClient(channel).OnceAsync(
            new EchoRequest(),
            new CallOptions(credentials: credentials, cancellationToken: TestRun.Token));

    private static CallCredentials Adding(string key) => CallCredentials.FromInterceptor((_, metadata) =>
    {
        metadata.Add(key, "yes");
        return Task.CompletedTask;
    });

    private static Task AddToken(AuthInterceptorContext context, Metadata metadata)
    {
        metadata.Add("authorization", $"token for {context.ServiceUrl} {context.MethodName}");
        return Task.CompletedTask;
    }
}
