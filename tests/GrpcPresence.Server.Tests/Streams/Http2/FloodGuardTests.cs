using System.Net.Sockets;
using Google.Protobuf;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Http2;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using FrameType = GrpcPresence.Server.Tests.Hostile.Http2.FrameType;

namespace GrpcPresence.Server.Tests.Streams.Http2;

/// <summary>Tests that a connection whose client floods it ends with GOAWAY, and that the others stay open.</summary>
public sealed class FloodGuardTests
{
    private const int EnhanceYourCalm = 11;
    private const string Health = "/grpc.health.v1.Health/Check";

    public static TheoryData<string> Kinds => [.. Floods.Keys];

    private static readonly Dictionary<string, Action<Conversation, int>> Floods = new()
    {
        ["requests that are reset at once"] = (flood, i) => Reset(flood.Request(Stream(i), Conversation.Fields(Health)), i),
        ["complete requests that are reset at once"] = (flood, i) =>
            Reset(flood.Request(Stream(i), Conversation.Fields(Health)).Body(Stream(i), Conversation.Message([])), i),
        ["requests over a path that does not exist"] = (flood, i) =>
            Reset(flood.Request(Stream(i), Conversation.Fields("/nothing"), ends: true), i),
        ["requests whose window overflows"] = (flood, i) => flood.Request(Stream(i), Conversation.Fields(Health))
            .Frame(FrameType.WindowUpdate, 0, Stream(i), [0x7f, 0xff, 0xff, 0xff]),
        ["requests without a path"] = (flood, i) => flood.Request(Stream(i), [(":method", "POST")], ends: true),
        ["pings"] = (flood, _) => flood.Frame(FrameType.Ping, 0, 0, new byte[8]),
        ["settings"] = (flood, _) => flood.Frame(FrameType.Settings, 0, 0, []),
        ["priorities"] = (flood, i) => flood.Frame(FrameType.Priority, 0, Stream(i), [0, 0, 0, 0, 1]),
        ["empty data"] = (flood, i) =>
            (i == 0 ? flood.Request(1, Conversation.Fields(Health)) : flood).Frame(FrameType.Data, 0, 1, []),
        ["empty continuations"] = (flood, i) =>
        {
            if (i == 0)
                flood.Frame(FrameType.Headers, 0, 1, Hpack.Encode(Conversation.Fields(Health)));
            flood.Frame(FrameType.Continuation, 0, 1, []);
        },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_connection_that_its_client_floods_ends_with_GOAWAY(string kind)
    {
        await using var server = await TestServer.StartAsync();

        Assert.Equal(EnhanceYourCalm, await RawConnection.FindGoAwayAsync(server.Address, Flood(kind, 2 * FloodLimit.Overhead)));

        await server.CreateServiceAsync(); // the server still answers on other connections
    }

    [Fact]
    public async Task A_flood_ends_no_session_of_the_heartbeat_streams_on_its_connection()
    {
        await using var server = await TestServer.StartAsync();
        var sid = await server.CreateReachableServiceAsync();
        using var watch = Watch.Open(server, new V1.WatchUsersRequest { ServiceSid = sid, Start = V1.WatchStart.Now });
        await watch.Sync();
        var start = new V1.HeartbeatStreamStart { ServiceSid = sid, EndSessionsOnClose = true };
        var beats = new V1.HeartbeatStreamBeats { Beats = { new V1.SessionBeat { UserKey = "ada", SessionId = "s1" } } };
        using var client = new TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port, TestRun.Token);
        await client.Client.SendAsync(
            new Conversation("heartbeats").Preface()
                .Request(1, Conversation.Fields("/presence.v1.UserService/StreamHeartbeats"))
                .Frame(FrameType.Data, 0, 1, Message(new V1.StreamHeartbeatsRequest { Start = start }))
                .Frame(FrameType.Data, 0, 1, Message(new V1.StreamHeartbeatsRequest { Beats = beats })).Bytes,
            TestRun.Token);
        Assert.True((await watch.NextUpdate()).User.IsOnline);

        var flood = new Conversation("pings");
        for (var i = 0; i < 2 * FloodLimit.Overhead; i++)
            Floods["pings"](flood, i);
        await client.Client.SendAsync(flood.Bytes, TestRun.Token);
        watch.Dispose();
        await Fixture.Barrier.Within(server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the streams ended");

        Assert.True((await server.GetUserAsync(sid, "ada")).IsOnline);
    }

    [Fact]
    public async Task Many_flooded_connections_write_one_line_to_the_log()
    {
        await using var server = await TestServer.StartAsync();

        for (var i = 0; i < 5; i++)
            await RawConnection.FindGoAwayAsync(server.Address, Flood("requests without a path", 2 * FloodLimit.EarlyEnds));

        Assert.Single(server.Log.Entries, entry => entry.Category.EndsWith(nameof(FloodGuard), StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.Entries, entry => entry.Category.Contains("Kestrel", StringComparison.Ordinal));
    }

    private static Conversation Flood(string kind, int times)
    {
        var flood = new Conversation($"a flood of {kind}").Preface();
        for (var i = 0; i < times; i++)
            Floods[kind](flood, i);
        return flood;
    }

    private static byte[] Message(IMessage message) => Conversation.Message(message.ToByteArray());

    private static void Reset(Conversation flood, int number) => flood.Frame(FrameType.Reset, 0, Stream(number), [0, 0, 0, 8]);

    private static uint Stream(int number) => (uint)((2 * number) + 1);
}
