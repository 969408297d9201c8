using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class StreamingCallTests
{
    [Fact]
    public async Task A_client_streaming_call_sends_every_request_and_gets_one_response()
    {
        await using var server = await EchoServer.Start();
        using var call = server.Client.Join(cancellationToken: TestRun.Token);

        foreach (var text in new[] { "a", "b", "c" })
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, TestRun.Token);
        }

        await call.RequestStream.CompleteAsync();

        Assert.Equal("a b c", (await call).Text);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_server_streaming_call_reads_every_response_in_order()
    {
        await using var server = await EchoServer.Start();
        using var call = server.Client.Repeat(new EchoRequest { Text = "x", Times = 3 }, cancellationToken: TestRun.Token);

        var texts = new List<string>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(TestRun.Token))
        {
            texts.Add(response.Text);
        }

        Assert.Equal(["x 0", "x 1", "x 2"], texts);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_response_arrives_while_the_service_is_still_busy()
    {
        await using var server = await EchoServer.Start();
        var release = new Barrier("the client read the first response");
        server.Behaviour.AfterResponses = _ => release.Wait();
        using var call = server.Client.Repeat(new EchoRequest { Text = "x", Times = 1 }, cancellationToken: TestRun.Token);

        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal("x 0", call.ResponseStream.Current.Text);
        release.Reach();

        Assert.False(await call.ResponseStream.MoveNext(TestRun.Token));
    }

    [Fact]
    public async Task A_duplex_call_takes_turns()
    {
        await using var server = await EchoServer.Start();
        using var call = server.Client.Talk(cancellationToken: TestRun.Token);

        foreach (var text in new[] { "a", "b", "c" })
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, TestRun.Token);
            Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Responses_with_a_buffer_hint_all_arrive_at_the_final_flush()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = context =>
        {
            context.WriteOptions = new WriteOptions(WriteFlags.BufferHint);
            return Task.CompletedTask;
        };
        using var call = server.Client.Repeat(new EchoRequest { Text = "x", Times = 20 }, cancellationToken: TestRun.Token);

        var count = 0;
        await foreach (var response in call.ResponseStream.ReadAllAsync(TestRun.Token))
        {
            Assert.Equal($"x {count++}", response.Text);
        }

        Assert.Equal(20, count);
    }

    [Fact]
    public async Task Requests_with_a_buffer_hint_all_arrive_when_the_stream_is_completed()
    {
        await using var server = await EchoServer.Start();
        using var call = server.Client.Join(cancellationToken: TestRun.Token);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.BufferHint);

        await call.RequestStream.WriteAsync(new EchoRequest { Text = "a" }, TestRun.Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "b" }, TestRun.Token);
        await call.RequestStream.CompleteAsync();

        Assert.Equal("a b", (await call).Text);
    }
}
