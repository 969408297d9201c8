using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class UnaryCallTests
{
    [Fact]
    public async Task A_unary_call_gets_its_response()
    {
        await using var server = await EchoServer.Start();

        var response = await server.Client.OnceAsync(new EchoRequest { Text = "hello" }, cancellationToken: TestRun.Token);

        Assert.Equal("hello", response.Text);
    }

    [Fact]
    public async Task A_blocking_unary_call_gets_its_response()
    {
        await using var server = await EchoServer.Start();

        var response = await Task.Run(() => server.Client.Once(new EchoRequest { Text = "hello" }, cancellationToken: TestRun.Token));

        Assert.Equal("hello", response.Text);
    }

    [Fact]
    public async Task A_call_that_is_configured_and_awaited_gets_its_response()
    {
        await using var server = await EchoServer.Start();
        using var call = server.Client.OnceAsync(new EchoRequest { Text = "hello" }, cancellationToken: TestRun.Token);

        var response = await call.ConfigureAwait(false);

        Assert.Equal("hello", response.Text);
        Assert.Equal(Grpc.Core.StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }
}
