using Grpc.Core;
using Grpc.Reflection.V1;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Pipeline;

/// <summary>Tests the limits of streams whose client is idle, or does not read.</summary>
public sealed class StreamLimitTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_stream_whose_client_does_not_read_a_message_is_reset()
    {
        var (http, resets) = (new DefaultHttpContext(), new ResetRecorder());
        http.Features.Set<IHttpResetFeature>(resets);
        var pending = new TaskCompletionSource();
        var writer = new StallLimitedWriter<string>(new Writer(pending.Task), http, Limit, _time);

        var write = writer.WriteAsync("message");
        _time.Advance(Limit - TimeSpan.FromSeconds(1));
        Assert.Empty(resets.Codes);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(ErrorReason.WatchStalled, (await Assert.ThrowsAsync<PresenceException>(() => write)).Reason);
        Assert.Single(resets.Codes);
    }

    [Fact]
    public async Task A_client_that_reads_each_message_in_time_keeps_its_stream()
    {
        var (http, resets) = (new DefaultHttpContext(), new ResetRecorder());
        http.Features.Set<IHttpResetFeature>(resets);
        for (var i = 0; i < 10; i++)
        {
            var pending = new TaskCompletionSource();
            var write = new StallLimitedWriter<string>(new Writer(pending.Task), http, Limit, _time).WriteAsync("message");
            _time.Advance(Limit - TimeSpan.FromSeconds(1));
            pending.SetResult();
            await write;
        }
        Assert.Empty(resets.Codes);
    }

    [Fact]
    public async Task A_reflection_stream_without_requests_ends()
    {
        var clock = new HeldClock(Limits.PublicStreamIdle);
        await using var server = await TestServer.StartAsync(time: clock);
        using var stream = new ServerReflection.ServerReflectionClient(server.Invoker).ServerReflectionInfo();
        await AskAsync(stream);
        var ended = CallError.Of(() => stream.ResponseStream.MoveNext(TestRun.Token));

        clock.Release();

        await Barrier.Within(ended, "the server ended the stream");
        Assert.Equal((StatusCode.Unavailable, "STREAM_MAX_AGE"), ((await ended).Code, (await ended).Reason));
    }

    [Fact]
    public async Task A_reflection_stream_ends_after_its_last_request()
    {
        await using var server = await TestServer.StartAsync();
        using var stream = new ServerReflection.ServerReflectionClient(server.Invoker).ServerReflectionInfo();
        for (var i = 0; i < Limits.PublicStreamRequests; i++)
            Assert.True(await AskAsync(stream));

        Assert.Equal("STREAM_MAX_AGE", (await CallError.Of(() => stream.ResponseStream.MoveNext(TestRun.Token))).Reason);
    }

    private static async Task<bool> AskAsync(AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> stream)
    {
        await stream.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, TestRun.Token);
        return await stream.ResponseStream.MoveNext(TestRun.Token);
    }

    private sealed class Writer(Task write) : IServerStreamWriter<string>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message) => write;
    }
}
