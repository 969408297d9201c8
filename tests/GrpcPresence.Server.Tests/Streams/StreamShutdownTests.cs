using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Http2;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class StreamShutdownTests : IDisposable
{
    private static readonly StreamMetadata Watch = new(DrainsItself: true);

    private readonly FakeTimeProvider _time = new();
    private readonly StubLifetime _lifetime = new();
    private readonly ActiveStreams _streams = new(TimeProvider.System);
    private readonly ResetRecorder _reset = new();

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_stream_is_cancelled_by_stopping_unless_it_drains_itself(bool drainsItself, bool cancelled)
    {
        var isCancelled = false;
        await RunAsync(new StreamMetadata(drainsItself), context =>
        {
            _lifetime.StopApplication();
            isCancelled = context.RequestAborted.IsCancellationRequested;
            return Task.CompletedTask;
        });

        Assert.Equal(cancelled, isCancelled);
    }

    [Fact]
    public async Task A_request_that_is_not_a_stream_is_not_cancelled()
    {
        var hasRun = false;
        var open = new OpenRequests(_time);
        var reused = new ReusedStreams(NullLogger<ReusedStreams>.Instance);
        var limits = new RequestLimitsMiddleware(Run, reused, open, new AnonymousRequests(open), NewShutdown());

        await limits.InvokeAsync(new DefaultHttpContext { Connection = { Id = "c1" } });

        Assert.True(hasRun);

        Task Run(HttpContext context)
        {
            hasRun = true;
            _lifetime.StopApplication();
            Assert.Null(_streams.WhenNoneActive());
            Assert.False(context.RequestAborted.IsCancellationRequested);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Every_stream_of_the_server_is_known_to_the_shutdown()
    {
        await using var server = await TestServer.StartAsync();
        var streams =
            from endpoint in server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            let stream = endpoint.Metadata.GetMetadata<StreamMetadata>()
            where stream is not null
            orderby endpoint.RoutePattern.RawText
            select (endpoint.RoutePattern.RawText, stream.DrainsItself);

        Assert.Equal(
            [
                ("/grpc.health.v1.Health/Watch", true),
                ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false),
                ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", false),
                ("/presence.v1.UserService/StreamHeartbeats", false),
                ("/presence.v1.UserService/WatchUsers", true),
                ("/v1/Services/{ChatServiceSid}/UserUpdates", true),
                ("/v1/Services/{ChatServiceSid}/Users/Updates", true),
            ],
            streams.Distinct().Order()); // HEAD has the metadata of GET
    }

    [Theory]
    [InlineData("/presence.v1.UserService/WatchUsers")]
    [InlineData("/PRESENCE.v1.userservice/watchusers")]
    [InlineData("/presence.v1.UserService/WatchUsers/")]
    public async Task A_stream_is_found_as_routing_finds_it(string path)
    {
        await using var server = await TestServer.StartAsync();
        var request = new WatchUsersRequest { ServiceSid = await server.CreateServiceAsync() };
        var method = RawMethod.Of(MethodType.ServerStreaming, path[1..path.LastIndexOf('/')], path[(path.LastIndexOf('/') + 1)..]);

        using var watch = server.Invoker.AsyncServerStreamingCall(method, null, default, request.ToByteArray());
        await watch.ResponseStream.MoveNext(TestRun.Token);

        Assert.NotNull(server.Get<ActiveStreams>().WhenNoneActive());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_that_does_not_end_is_reset_after_its_grace(bool drainsItself)
    {
        var ended = new TaskCompletionSource();
        var run = RunAsync(new StreamMetadata(drainsItself), _ => ended.Task);

        _lifetime.StopApplication();
        _time.Advance(StreamShutdown.ResetGrace - TimeSpan.FromTicks(1));
        Assert.Empty(_reset.Codes);
        _time.Advance(TimeSpan.FromTicks(1));

        Assert.Equal([7], _reset.Codes);
        Assert.Equal(1, _streams.Resets);
        ended.SetResult();
        await run;
    }

    [Fact]
    public async Task A_stream_that_ended_is_never_reset()
    {
        await RunAsync(Watch, _ =>
        {
            _lifetime.StopApplication();
            return Task.CompletedTask;
        });

        _time.Advance(StreamShutdown.ResetGrace);

        Assert.Empty(_reset.Codes);
    }

    [Fact]
    public async Task Stopping_waits_for_streams_and_then_for_their_clients()
    {
        var ended = new TaskCompletionSource();
        var clock = new HeldClock(StreamDrain.Pause);
        var run = RunAsync(Watch, _ => ended.Task);

        var stopping = Drain(clock).StoppingAsync(TestRun.Token);
        Assert.True(_lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.False(stopping.IsCompleted);
        ended.SetResult();
        await run;
        Assert.False(stopping.IsCompleted);
        clock.Release();

        await Barrier.Within(stopping, "the server continued to stop");
    }

    [Fact]
    public void Stopping_does_not_wait_when_no_stream_is_open() =>
        Assert.True(Drain(_time).StoppingAsync(TestRun.Token).IsCompletedSuccessfully);

    [Fact]
    public async Task Stopping_does_not_wait_longer_than_its_limit()
    {
        var ended = new TaskCompletionSource();
        using var overdue = new CancellationTokenSource();
        var run = RunAsync(Watch, _ => ended.Task);
        var stopping = Drain(_time).StoppingAsync(overdue.Token);

        await overdue.CancelAsync();

        await Barrier.Within(stopping, "the server continued to stop");
        ended.SetResult();
        await run;
    }

    public void Dispose() => _lifetime.Dispose();

    private StreamDrain Drain(TimeProvider time) => new(_streams, _lifetime, time, NullLogger<StreamDrain>.Instance);

    private Task RunAsync(StreamMetadata stream, RequestDelegate next)
    {
        var context = new DefaultHttpContext { Request = { Path = "/" } };
        context.Features.Set<IHttpResetFeature>(_reset);
        return NewShutdown().RunAsync(context, stream, next);
    }

    private StreamShutdown NewShutdown() => new(_streams, _lifetime, _time, NullLogger<StreamShutdown>.Instance);
}
