using Grpc.Core;
using GrpcPresence.Compat.Tests.Echo;

namespace GrpcPresence.Compat.Tests.OverTheWire;

public sealed class MetadataOnTheWireTests
{
    private static readonly byte[] Bytes = [0, 255, 10, 13, 128];

    [Fact]
    public async Task Request_headers_of_text_and_bytes_reach_the_service()
    {
        await using var server = await EchoServer.Start();
        var seen = new Metadata();
        server.Behaviour.OnCall = context =>
        {
            seen = context.RequestHeaders;
            return Task.CompletedTask;
        };
        var headers = new Metadata { { "Text", "one" }, { "raw-bin", Bytes } };

        await server.Client.OnceAsync(new EchoRequest(), headers, cancellationToken: TestRun.Token);

        Assert.Equal("one", seen.GetValue("text"));
        Assert.Equal(Bytes, seen.GetValueBytes("raw-bin"));
    }

    [Fact]
    public async Task Response_headers_arrive_before_the_response()
    {
        await using var server = await EchoServer.Start();
        var release = new Barrier("the client got the response headers");
        server.Behaviour.OnCall = async context =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "early", "yes" } });
            await release.Wait();
        };
        using var call = server.Client.OnceAsync(new EchoRequest { Text = "later" }, cancellationToken: TestRun.Token);

        var headers = await call.ResponseHeadersAsync;
        Assert.Equal("yes", headers.GetValue("early"));
        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        release.Reach();

        Assert.Equal("later", (await call).Text);
    }

    [Fact]
    public async Task Trailers_of_text_and_bytes_follow_the_last_response()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = AddTrailers;
        using var call = server.Client.Repeat(new EchoRequest { Times = 2 }, cancellationToken: TestRun.Token);

        while (await call.ResponseStream.MoveNext(TestRun.Token))
        {
        }

        Assert.Equal("some", call.GetTrailers().GetValue("text"));
        Assert.Equal(Bytes, call.GetTrailers().GetValueBytes("raw-bin"));
    }

    [Fact]
    public async Task A_failed_call_carries_status_and_trailers()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = context => throw new RpcException(
            new Status(StatusCode.FailedPrecondition, "Größe: 100 %"),
            new Metadata { { "text", "some" }, { "raw-bin", Bytes } });

        var failure = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token).ResponseAsync);

        Assert.Equal(StatusCode.FailedPrecondition, failure.StatusCode);
        Assert.Equal("Größe: 100 %", failure.Status.Detail);
        Assert.Equal("some", failure.Trailers.GetValue("text"));
        Assert.Equal(Bytes, failure.Trailers.GetValueBytes("raw-bin"));
    }

    [Fact]
    public async Task Trailers_set_before_a_failure_join_those_of_the_exception()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.OnCall = async context =>
        {
            await AddTrailers(context);
            throw new RpcException(new Status(StatusCode.NotFound, ""), new Metadata { { "more", "too" } });
        };

        var failure = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token).ResponseAsync);

        Assert.Equal("some", failure.Trailers.GetValue("text"));
        Assert.Equal("too", failure.Trailers.GetValue("more"));
    }

    [Fact]
    public async Task A_status_that_the_service_sets_is_the_outcome()
    {
        await using var server = await EchoServer.Start();
        server.Behaviour.AfterResponses = context =>
        {
            context.Status = new Status(StatusCode.ResourceExhausted, "enough");
            return Task.CompletedTask;
        };
        using var call = server.Client.Repeat(new EchoRequest { Times = 1 }, cancellationToken: TestRun.Token);
        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));

        var failure = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(TestRun.Token));

        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        Assert.Equal("enough", call.GetStatus().Detail);
    }

    [Fact]
    public async Task The_service_sees_method_host_and_peer()
    {
        await using var server = await EchoServer.Start();
        var seen = "";
        server.Behaviour.OnCall = context =>
        {
            seen = $"{context.Method} {context.Host} {context.Peer.Split(':')[0]} {context.AuthContext.IsPeerAuthenticated}";
            context.UserState["key"] = "value";
            return Task.CompletedTask;
        };

        await server.Client.OnceAsync(new EchoRequest(), cancellationToken: TestRun.Token);

        Assert.Equal($"/grpcpresence.compat.echo.v1.EchoService/Once {server.Address.Authority} ipv4 False", seen);
    }

    private static Task AddTrailers(ServerCallContext context)
    {
        context.ResponseTrailers.Add("text", "some");
        context.ResponseTrailers.Add("raw-bin", Bytes);
        return Task.CompletedTask;
    }
}
