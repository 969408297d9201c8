using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests;

public sealed class UnaryCallTests
{
    private static CancellationToken Ended => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_unary_call_gets_its_response()
    {
        await using var server = await EchoServer.Start();

        var response = await server.Client.OnceAsync(new EchoRequest { Text = "hello" }, cancellationToken: Ended);

        Assert.Equal("hello", response.Text);
    }
}
