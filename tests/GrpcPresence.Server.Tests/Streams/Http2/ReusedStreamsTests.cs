using System.Collections.Concurrent;
using System.Net;
using System.Reflection;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams.Http2;

/// <summary>
/// Tests that no response is lost where Kestrel leaves the object of a stream marked as queued. The mark is set here by hand, because
/// Kestrel does so in about one of 40,000 responses larger than the window.
/// </summary>
public sealed class ReusedStreamsTests
{
    private const BindingFlags Private = BindingFlags.Instance | BindingFlags.NonPublic;
    private const string Path = "/response";
    private const int Requests = 20;

    private readonly ConcurrentQueue<object> _streams = [];

    [Fact]
    public async Task Lost_nothing_when_Kestrel_reuses_a_stream_that_it_left_marked_as_queued()
    {
        await using var server = await TestServer.StartAsync(Map);
        using var client = new HttpClient
        {
            BaseAddress = server.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        for (var i = 0; i < Requests; i++)
        {
            await Barrier.Within(client.GetStringAsync(Path, TestRun.Token), $"request {i} was answered");
            MarkAsQueued(_streams.Last());
        }

        Assert.True(_streams.Distinct(ReferenceEqualityComparer.Instance).Count() < Requests, "Kestrel did not reuse a stream");
    }

    private static void MarkAsQueued(object stream)
    {
        var output = stream.GetType().BaseType!.GetField("_http2Output", Private)!.GetValue(stream)!;
        output.GetType().GetField("_isScheduled", Private)!.SetValue(output, true);
    }

    private void Map(WebApplication app) => app.MapGet(Path, (HttpContext http) =>
    {
        _streams.Enqueue(http.Features);
        return "answered";
    });
}
