using System.IO.Pipelines;
using Grpc.Core;
using GrpcPresence.Server.Hosting;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.Server.Tests.Hosting;

public sealed class RequestBodyTests
{
    private readonly Pipe _pipe = new(new PipeOptions(minimumSegmentSize: 1, useSynchronizationContext: false));

    [Fact]
    public async Task A_body_that_breaks_off_is_the_end_of_the_call_and_no_fault()
    {
        var reader = new RequestBody(_pipe.Reader);
        var reading = reader.ReadAsync(TestRun.Token).AsTask();
        await _pipe.Writer.CompleteAsync(new IOException("", new ConnectionAbortedException()));

        var later = await CallError.Of(() => reading);
        var atOnce = await CallError.Of(() => reader.ReadAsync(TestRun.Token).AsTask());

        Assert.Equal((StatusCode.Cancelled, StatusCode.Cancelled), (later.Code, atOnce.Code));
    }

    [Fact]
    public async Task A_body_that_Kestrel_finds_too_large_is_too_large_for_gRPC()
    {
        await _pipe.Writer.CompleteAsync(new BadHttpRequestException("", StatusCodes.Status413PayloadTooLarge));

        var error = await CallError.Of(() => new RequestBody(_pipe.Reader).ReadAsync(TestRun.Token).AsTask());

        Assert.Equal(StatusCode.ResourceExhausted, error.Code);
    }

    [Theory]
    [InlineData("0000000001", null)]
    [InlineData("017fffffff", null)]
    [InlineData("0080000000", StatusCode.ResourceExhausted)]
    [InlineData("02", StatusCode.Internal)]
    [InlineData("00ffffff", null)] // not whole yet
    public async Task A_prefix_is_checked_however_it_comes_in(string prefix, StatusCode? refusal)
    {
        foreach (var part in Convert.FromHexString(prefix))
            await _pipe.Writer.WriteAsync(new[] { part }, TestRun.Token);

        var read = await Record.ExceptionAsync(() => new RequestBody(_pipe.Reader).ReadAsync(TestRun.Token).AsTask());

        Assert.Equal(refusal, (read as RpcException)?.StatusCode);
    }
}
