using System.Buffers;
using System.Net.ServerSentEvents;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.MicroBench.Fixture;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Events;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.MicroBench.Rest;

/// <summary>
/// Writes an update as a server-sent event, with our writer and with System.Net.ServerSentEvents: docs/adr/0005-sse-writer.md. All create
/// the same resource and the same JSON. Nothing reads the response, so that a flush costs nothing.
/// </summary>
public class EventWriteBenchmarks : WorldBenchmarks
{
    private const int Events = 1_000;

    private static readonly RestOperation Operation = new("", "", StatusCodes.Status200OK, []) { Produces = "text/event-stream" };

    private WatchFrame[] _frames = [];
    private RestRequest _call = null!;

    /// <summary>Updates per watch message. Each is an event; the last has the id.</summary>
    [Params(1, 100)]
    public int Updates { get; set; }

    /// <summary>Creates the messages.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var service = World.RecordOf(World.NewService(Limits.MaxSessionTimeout).Sid);
        _frames = [.. Enumerable.Range(0, Events).Chunk(Updates).Select(users => FrameOf(service, users))];
        var http = new DefaultHttpContext();
        http.Request.Scheme = "http";
        http.Request.Host = new HostString("127.0.0.1:5081");
        _call = new RestRequest(
            http, caller: null!, Operation, UrlParameters.None, UrlParameters.None, methods: null!, "AC00000000000000000000000000000000");
    }

    /// <summary>Our writer.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Events, Description = "UpdatesWriter")]
    public async Task Write()
    {
        var writer = new UpdatesWriter(_call, beginsNow: false);
        foreach (var frame in _frames)
            await writer.WriteAsync(frame);
    }

    /// <summary>The framework's writer, which writes each event to the response separately.</summary>
    [Benchmark(OperationsPerInvoke = Events, Description = "SseFormatter")]
    public Task WriteWithFramework() => SseFormatter.WriteAsync(ItemsOf(_frames), _call.Http.Response.Body, Format);

    /// <summary>The framework's writer into memory, so that a message is written to the response in one piece.</summary>
    [Benchmark(OperationsPerInvoke = Events, Description = "SseFormatter, message by message")]
    public async Task WriteMessagesWithFramework()
    {
        using var message = new MemoryStream();
        foreach (var frame in _frames)
        {
            message.SetLength(0);
            await SseFormatter.WriteAsync(ItemsOf(frame), message, Format);
            await _call.Http.Response.BodyWriter.WriteAsync(message.GetBuffer().AsMemory(0, (int)message.Length));
        }
    }

    private static void Format(SseItem<UserUpdateResource> item, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = RestJson.Options.Encoder });
        JsonSerializer.Serialize(json, item.Data, RestJson.Options);
    }

#pragma warning disable CS1998 // the messages are in memory
    private async IAsyncEnumerable<SseItem<UserUpdateResource>> ItemsOf(params WatchFrame[] frames)
#pragma warning restore CS1998
    {
        foreach (var frame in frames)
        {
            var users = ((WatchEvent.Updates)frame.Event).Users;
            var id = frame.Event.Token?.Encode();
            for (var i = 0; i < users.Count; i++)
            {
                var data = UserUpdateResource.Of(users[i], frame, _call);
                yield return new SseItem<UserUpdateResource>(data, "updated") { EventId = i == users.Count - 1 ? id : null };
            }
        }
    }

    private WatchFrame FrameOf(ServiceRecord service, int[] users)
    {
        var updates = Array.ConvertAll(
            users, user => new UserUpdate(Sample.State(service, user, revision: user), UpdateReasons.ReachabilityOnline));
        var token = new ResumeToken(service.Sid, Guid.Empty, Base: users[^1], Position: users[^1], Newest: users[^1], FilterHash: 1);
        return new WatchFrame(new WatchEvent.Updates(updates, token), service.Sid, World.Encoder, UserView.Full);
    }
}
