using Grpc.Health.V1;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using HealthClient = Grpc.Health.V1.Health.HealthClient;

namespace GrpcPresence.Server.Tests.Streams.Requests;

/// <summary>Tests how long a client may take to read the response to a unary request.</summary>
public sealed class OpenRequestsTests
{
    private const string Path = "/written";

    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_response_over_HTTP2_that_its_client_does_not_read_is_reset()
    {
        await using var server = await TestServer.StartAsync(Map, _time);
        var request = new Conversation("a response that is not read").Preface().Frame(FrameType.Settings, 0, 0, [0, 4, 0, 0, 0, 0])
            .Request(1, [(":method", "GET"), (":scheme", "http"), (":path", Path), (":authority", "localhost")], ends: true).Await(1);
        var answers = RawConnection.TalkAsync(server.Address, request);
        await Barrier.Within(_written.Task, "the response was written");

        _time.Advance(Limits.UnaryRequest - OpenRequests.Interval);
        Assert.False(answers.IsCompleted);
        _time.Advance(2 * OpenRequests.Interval);

        Assert.True((await answers)[1].IsReset);
    }

    [Fact]
    public async Task A_stream_is_not_reset_for_its_age()
    {
        await using var server = await TestServer.StartAsync(time: _time);
        using var watch = new HealthClient(server.Invoker).Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
        var next = watch.ResponseStream.MoveNext(TestRun.Token);

        _time.Advance(2 * Limits.UnaryRequest);
        server.Get<OpenRequests>().Tick();

        await server.CreateServiceAsync();
        Assert.False(next.IsCompleted);
    }

    [Fact]
    public async Task Responses_over_HTTP1_have_a_rate_and_streams_have_none()
    {
        var rates = new List<bool>();
        await using var server = await TestServer.StartAsync(app =>
        {
            app.MapGet(Path, Note);
            app.MapGet("/stream", Note).WithMetadata(new GrpcPresence.Server.Streams.StreamMetadata(DrainsItself: true));
        });

        await server.Rest.GetStringAsync(Path, TestRun.Token);
        await server.Rest.GetStringAsync("/stream", TestRun.Token);

        Assert.Equal([true, false], rates);

        string Note(HttpContext http)
        {
            rates.Add(http.Features.Get<IHttpMinResponseDataRateFeature>()!.MinDataRate is not null);
            return "";
        }
    }

    private void Map(WebApplication app) => app.MapGet(Path, async http =>
    {
        var writing = http.Response.WriteAsync("unread", TestRun.Token);
        _written.SetResult();
        await writing;
    });
}
