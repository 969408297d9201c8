using System.IO.Pipelines;
using System.Net.Sockets;
using GrpcPresence.Server.Grpc.Wire;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>Tests which exceptions of the request body mean that the server ended the stream, not the client.</summary>
public sealed class StreamEndTests
{
    [Fact]
    public void An_unanswered_ping_means_that_the_server_ended_the_stream() =>
        Assert.True(StreamEnd.IsByServer(Aborted(new TimeoutException("Replaces Kestrel's exception, which is internal."))));

    [Fact]
    public void A_connection_that_the_client_closed_was_not_ended_by_the_server() => Assert.False(StreamEnd.IsByServer(Aborted(null)));

    [Fact]
    public void A_connection_that_the_client_reset_was_not_ended_by_the_server() =>
        Assert.False(StreamEnd.IsByServer(
            Aborted(new ConnectionResetException("", new SocketException((int)SocketError.ConnectionReset)))));

    [Fact]
    public void A_stream_that_the_client_reset_was_not_ended_by_the_server() =>
        Assert.False(StreamEnd.IsByServer(new IOException("The client reset the request stream.")));

    [Fact]
    public async Task A_read_that_sees_the_cancellation_first_is_followed_by_one_that_throws_the_reason()
    {
        using var body = new FaultedBody(Aborted(new TimeoutException()));
        var request = Request(body);
        request.RequestAborted = new CancellationToken(canceled: true);

        Assert.True(await StreamEnd.IsByServerAsync(request));
    }

    [Fact]
    public async Task A_call_that_ran_out_of_time_was_ended_by_the_client()
    {
        using var body = new FaultedBody(Aborted(new TimeoutException()));
        Assert.False(await StreamEnd.IsByServerAsync(Request(body)));
    }

    private static DefaultHttpContext Request(Stream body)
    {
        var request = new DefaultHttpContext();
        var reader = PipeReader.Create(body);
        request.Features.Set<IRequestBodyPipeFeature>(new RequestBody(reader, request, rule: null, mayRest: false, TimeProvider.System));
        return request;
    }

    private static IOException Aborted(Exception? cause) => new("", new ConnectionAbortedException("", cause!));

    private sealed class FaultedBody(Exception reason) : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException<int>(reason);
    }
}
