using System.IO.Pipelines;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.Server.Tests.Wire;

public sealed class RequestBodyTests
{
    private readonly Pipe _pipe = new(new PipeOptions(minimumSegmentSize: 1, useSynchronizationContext: false));

    [Fact]
    public async Task A_truncated_body_ends_the_call_and_is_not_a_fault()
    {
        var reader = BodyOf(_pipe.Reader);
        var reading = reader.ReadAsync(TestRun.Token).AsTask();
        await _pipe.Writer.CompleteAsync(new IOException("", new ConnectionAbortedException()));

        var later = await CallError.Of(() => reading);
        var atOnce = await CallError.Of(() => reader.ReadAsync(TestRun.Token).AsTask());

        Assert.Equal((StatusCode.Cancelled, StatusCode.Cancelled), (later.Code, atOnce.Code));
    }

    [Fact]
    public async Task A_reset_between_two_reads_ends_the_call()
    {
        var reset = new IOException("The client reset the request stream.");
        var body = BodyOf(new ResetBetweenReads(reset));

        var error = await CallError.Of(() => Task.Run(() => body.AdvanceTo(default), TestRun.Token));

        Assert.Equal(StatusCode.Cancelled, error.Code);
        Assert.Same(reset, body.AbortedBy);
    }

    [Fact]
    public async Task A_body_over_the_limit_of_Kestrel_is_too_large_for_gRPC()
    {
        await _pipe.Writer.CompleteAsync(new BadHttpRequestException("", StatusCodes.Status413PayloadTooLarge));

        var error = await CallError.Of(() => BodyOf(_pipe.Reader).ReadAsync(TestRun.Token).AsTask());

        Assert.Equal(StatusCode.ResourceExhausted, error.Code);
    }

    [Theory]
    [InlineData("0000000001", null)]
    [InlineData("0000100000", null)]
    [InlineData("0000100001", StatusCode.ResourceExhausted)]
    [InlineData("017fffffff", StatusCode.ResourceExhausted)]
    [InlineData("0080000000", StatusCode.ResourceExhausted)]
    [InlineData("02", StatusCode.Internal)]
    [InlineData("00ffffff", null)] // an incomplete prefix
    public async Task A_prefix_is_checked_even_when_it_arrives_in_parts(string prefix, StatusCode? expected)
    {
        foreach (var part in Convert.FromHexString(prefix))
            await _pipe.Writer.WriteAsync(new[] { part }, TestRun.Token);

        var read = await Record.ExceptionAsync(() => BodyOf(_pipe.Reader).ReadAsync(TestRun.Token).AsTask());

        Assert.Equal(expected, (read as RpcException)?.StatusCode);
    }

    private static RequestBody BodyOf(PipeReader body) =>
        new(body, new DefaultHttpContext(), rule: null, mayRest: false, TimeProvider.System);

    private sealed class ResetBetweenReads(IOException reset) : PipeReader
    {
        public override void AdvanceTo(SequencePosition consumed) => throw reset;

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => throw reset;

        public override void CancelPendingRead() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => throw new NotSupportedException();

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();
    }
}
