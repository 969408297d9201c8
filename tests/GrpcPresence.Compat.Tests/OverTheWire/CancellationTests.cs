using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class CancellationTests
{
    private readonly Barrier _started = new("the call reached the service");
    private readonly Barrier _cancelled = new("the cancellation reached the service");

    [Fact]
    public async Task Cancelling_a_call_cancels_it_in_the_service()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = WaitForCancellation;
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(TestRun.Token);
        using var call = server.Client.OnceAsync(new EchoRequest(), cancellationToken: cancellation.Token);
        await _started.Wait();

        await cancellation.CancelAsync();

        var failure = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.Cancelled, failure.StatusCode);
        await _cancelled.Wait();
    }

    [Fact]
    public async Task Disposing_a_streaming_call_cancels_it_in_the_service()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.AfterResponses = WaitForCancellation;
        var call = server.Client.Repeat(new EchoRequest { Times = 1 }, cancellationToken: TestRun.Token);
        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
        await _started.Wait();

        call.Dispose();

        await _cancelled.Wait();
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Cancelling_a_read_cancels_the_call()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = WaitForCancellation;
        using var call = server.Client.Talk(cancellationToken: TestRun.Token);
        await _started.Wait();
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(TestRun.Token);
        var read = call.ResponseStream.MoveNext(cancellation.Token);

        await cancellation.CancelAsync();

        var failure = await Assert.ThrowsAsync<RpcException>(() => read);
        Assert.Equal(StatusCode.Cancelled, failure.StatusCode);
        await _cancelled.Wait();
    }

    private async Task WaitForCancellation(ServerCallContext context)
    {
        await using var registration = context.CancellationToken.Register(_cancelled.Reach);
        _started.Reach();
        await _cancelled.Wait();
    }
}
