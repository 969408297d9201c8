using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class StreamShutdownTests : IDisposable
{
    private const string Heartbeats = "/presence.v1.UserService/StreamHeartbeats";
    private const string Watch = "/presence.v1.UserService/WatchUsers";
    private const string Events = "/v1/Services/IS00000000000000000000000000000000/Users/Updates";

    private readonly FakeTimeProvider _time = new();
    private readonly StubLifetime _lifetime = new();
    private readonly OpenStreams _streams = new();
    private readonly ResetRecorder _reset = new();

    [Theory]
    [InlineData(Heartbeats, true)]
    [InlineData("/PRESENCE.v1.userservice/streamheartbeats", true)]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true)]
    [InlineData("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true)]
    [InlineData(Watch, false)]
    [InlineData("/PRESENCE.v1.userservice/watchusers", false)]
    [InlineData(Events, false)]
    [InlineData("/grpc.health.v1.Health/Watch", false)]
    [InlineData("/presence.v1.UserService/GetUser", false)]
    public async Task A_stream_is_cancelled_by_stopping_unless_it_drains_itself(string path, bool cancelled)
    {
        var isCancelled = false;
        await RunAsync(path, context =>
        {
            _lifetime.StopApplication();
            isCancelled = context.RequestAborted.IsCancellationRequested;
            return Task.CompletedTask;
        });

        Assert.Equal(cancelled, isCancelled);
    }

    [Theory]
    [InlineData(Heartbeats)]
    [InlineData(Watch)]
    [InlineData("/PRESENCE.v1.userservice/watchusers")]
    [InlineData(Events)]
    [InlineData(Events + "/")]
    public async Task A_stream_that_does_not_end_is_reset_after_its_grace(string path)
    {
        var ended = new TaskCompletionSource();
        var run = RunAsync(path, _ => ended.Task);

        _lifetime.StopApplication();
        _time.Advance(StreamShutdownMiddleware.ResetGrace - TimeSpan.FromTicks(1));
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

        _time.Advance(StreamShutdownMiddleware.ResetGrace);

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

        await Barrier.Within(stopping, "stopping goes on");
    }

    [Fact]
    public void Stopping_waits_for_nobody_when_no_stream_is_open() =>
        Assert.True(Drain(_time).StoppingAsync(TestRun.Token).IsCompletedSuccessfully);

    [Fact]
    public async Task Stopping_does_not_wait_longer_than_it_may()
    {
        var ended = new TaskCompletionSource();
        using var overdue = new CancellationTokenSource();
        var run = RunAsync(Watch, _ => ended.Task);
        var stopping = Drain(_time).StoppingAsync(overdue.Token);

        await overdue.CancelAsync();

        await Barrier.Within(stopping, "stopping goes on");
        ended.SetResult();
        await run;
    }

    public void Dispose() => _lifetime.Dispose();

    private StreamDrain Drain(TimeProvider time) => new(_streams, _lifetime, time, NullLogger<StreamDrain>.Instance);

    private Task RunAsync(string path, RequestDelegate next)
    {
        var context = new DefaultHttpContext { Request = { Path = path } };
        context.Features.Set<IHttpResetFeature>(_reset);
        var middleware = new StreamShutdownMiddleware(
            next, _streams, _lifetime, _time, NullLogger<StreamShutdownMiddleware>.Instance);
        return middleware.InvokeAsync(context);
    }
}
