using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class ServiceDefinitionTests
{
    private const string ServiceName = "grpcpresence.compat.echo.v1.EchoService";

    [Fact]
    public async Task A_generated_definition_serves_every_method()
    {
        await using var server = await EchoServer.Start(
            _ => { },
            app => app.MapGrpcService(services =>
                EchoService.BindService(new EchoServiceUnderTest(services.GetRequiredService<EchoBehaviour>()))));

        var once = await server.Client.OnceAsync(new EchoRequest { Text = "a" }, cancellationToken: TestRun.Token);
        using var join = server.Client.Join(cancellationToken: TestRun.Token);
        await join.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, TestRun.Token);
        await join.RequestStream.CompleteAsync();
        using var repeat = server.Client.Repeat(new EchoRequest { Text = "c", Times = 1 }, cancellationToken: TestRun.Token);
        using var talk = server.Client.Talk(cancellationToken: TestRun.Token);
        await talk.RequestStream.WriteAsync(new EchoRequest { Text = "d" }, TestRun.Token);
        await talk.RequestStream.CompleteAsync();

        Assert.Equal("a", once.Text);
        Assert.Equal("b", (await join).Text);
        Assert.True(await repeat.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal("c 0", repeat.ResponseStream.Current.Text);
        Assert.True(await talk.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal("d", talk.ResponseStream.Current.Text);
    }

    [Fact]
    public async Task A_definition_can_send_bytes_that_were_encoded_before()
    {
        var encoded = new EchoResponse { Text = "encoded once" }.ToByteArray();
        var method = new Method<EchoRequest, byte[]>(
            MethodType.ServerStreaming,
            ServiceName,
            "Repeat",
            Marshallers.Create(message => message.ToByteArray(), EchoRequest.Parser.ParseFrom),
            Marshallers.Create<byte[]>((bytes, context) => context.Complete(bytes), context => context.PayloadAsNewBuffer()));
        var definition = ServerServiceDefinition.CreateBuilder()
            .AddMethod(method, async (request, responses, context) =>
            {
                for (var i = 0; i < request.Times; i++)
                {
                    await responses.WriteAsync(encoded, context.CancellationToken);
                }
            })
            .Build();
        await using var server = await EchoServer.Start(_ => { }, app => app.MapGrpcService(_ => definition));
        using var call = server.Client.Repeat(new EchoRequest { Times = 2 }, cancellationToken: TestRun.Token);

        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal("encoded once", call.ResponseStream.Current.Text);
        Assert.False(await call.ResponseStream.MoveNext(TestRun.Token));
    }

    [Fact]
    public async Task A_method_that_is_not_mapped_is_unimplemented()
    {
        await using var server = await EchoServer.Start(
            _ => { },
            app => app.MapGrpcService(_ => ServerServiceDefinition.CreateBuilder().Build()));

        var failure = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token).ResponseAsync);

        Assert.Equal(StatusCode.Unimplemented, failure.StatusCode);
    }
}
