namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Clients whose headers are damaged, contradictory, too many, or not valid for gRPC.</summary>
internal static class HostileHeaders
{
    private static readonly string[] Timeouts =
        [
            "", "1", "S", "abc", "-1S", "0S", "0n", "1n", "99999999H", "999999999S",
            "1 S", "1s", "+1S", "1e3S", "18446744073709551616S", "٣S",
        ];

    private static readonly string[] ContentTypes =
    [
        "", "text/plain", "application/json", "application/grpc-web", "application/grpc+json", "application/grpcx", "application/grpc;",
        "application/grpc; charset=\u0001",
    ];

    private static readonly (string Name, string Value)[] Odd =
    [
        (":unknown", "1"), (":status", "200"), (":method", "POST"), ("Upper-Case", "1"), ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"), ("content-length", "1"), ("content-length", "-1"), ("content-length", "99999999"),
        ("content-length", "99999999999999999999"),
        ("te", "gzip"), ("te", "trailers, deflate"),
        ("", "empty"), ("a b", "1"), ("nul", "a\0b"), ("line", "a\r\nb: c"), ("text", "é"), ("x-bin", "!!!!"), ("grpc-trace-bin", "===="),
        ("grpc-status-details-bin", "AAAA"), ("grpc-status", "0"), ("grpc-accept-encoding", "\u0001,,,gzip;q=2"),
        ("grpc-accept-encoding", "gzip"),
        ("traceparent", "00-zz-zz-01"), ("traceparent", "garbage"), ("tracestate", "a=b,,,="), ("baggage", "%%%=1;;;"),
        ("expect", "100-continue"),
        ("host", "a:b:c"), ("cookie", "a=b; c"), ("user-agent", "\u007f"), ("origin", "null"), ("grpc-encoding", "nonsense"),
        ("range", "bytes=0-"),
    ];

    private static readonly string[] Paths =
    [
        "", "/", "*", "presence.v1.UserService/GetUser", "//", "/%00", "/%ff%fe", "/a\0b", "/../../etc/passwd",
        "/presence.v1.UserService/GetUser/",
        "/presence.v1.UserService/getuser", "/presence.v1.UserService/GetUser?x=1", "/presence.v1.UserService/%47etUser",
        "/presence.v1.userservice/GetUser", "/unimplemented.Service/Method", "/é", "http://localhost/presence.v1.UserService/GetUser",
    ];

    private static readonly string[] Methods = ["", "GET", "PUT", "OPTIONS", "CONNECT", "PRI", "post", "P ST", "\u0001"];

    public static IReadOnlyList<Func<Random, Conversation>> All { get; } =
    [
        random => Damaged("random header bytes", RandomBytes(random)),
        random => Damaged("damaged header bytes", ByteDamage.Do(Hpack.Encode(Conversation.Fields()), random)),
        _ => Damaged("an entry that does not exist", [0xff, 0xff, 0xff, 0xff, 0x07]),
        _ => Damaged("the entry zero", [0x80]),
        _ => Damaged("an endless number", [0x7f, .. Enumerable.Repeat((byte)0xff, 40)]),
        _ => Damaged("a table of 2 GiB", [0x3f, 0xe1, 0xff, 0xff, 0xff, 0x07]),
        _ => Damaged("a text that Huffman's code does not have", [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]),
        _ => Damaged("a text beyond the block", [0x00, 0x7f, 0xff, 0x01, 0x61]),
        random => Ask("a field left out", Conversation.Fields().Where((_, index) => index != random.Next(6))),
        random => Ask("a field twice", [.. Conversation.Fields(), Conversation.Fields()[random.Next(6)]]),
        _ => Ask("pseudo-headers last", Conversation.Fields().Reverse()),
        random => Ask("an odd field", [.. Conversation.Fields(), Pick(Odd, random)]),
        random => Ask("odd fields", [.. Conversation.Fields(), Pick(Odd, random), Pick(Odd, random), Pick(Odd, random)]),
        random => Ask("an odd field first", [Pick(Odd, random), .. Conversation.Fields()]),
        random => Ask("another content type", With("content-type", Pick(ContentTypes, random))),
        random => Ask("another method", With(":method", Pick(Methods, random))),
        random => Ask("another scheme", With(":scheme", Pick(["", "https", "ftp", "h\0"], random))),
        random => Ask("another authority", With(":authority", Pick(["", "a b", "[", "x:99999", "é", "user@host"], random))),
        random => Ask("another path", With(":path", Pick(Paths, random))),
        random => Ask("an odd deadline", [.. Conversation.Fields(), ("grpc-timeout", Pick(Timeouts, random))]),
        random => Ask(
            "an odd deadline of a stream",
            [.. Conversation.Fields("/presence.v1.UserService/WatchUsers"), ("grpc-timeout", Pick(Timeouts, random))]),
        random => Ask("a field over its limit", [.. Conversation.Fields(), ("x", new string('x', (8 * 1024) + random.Next(4000)))]),
        random => Continued("fields over their limit", random.Next(2) == 0 ? 400 : 40),
        random => Split("headers in many continuations", random, endsHeaders: true),
        random => Split("continuations without an end", random, endsHeaders: false),
        _ => Trailers("trailers that do not end the stream", FrameFlags.EndHeaders, [("x", "1")]),
        _ => Trailers("trailers with a pseudo-header", FrameFlags.EndHeaders | FrameFlags.EndStream, [(":path", "/")]),
        random => Trailers("odd trailers", FrameFlags.EndHeaders | FrameFlags.EndStream, [Pick(Odd, random), Pick(Odd, random)]),
    ];

    private static Conversation Damaged(string name, ReadOnlySpan<byte> block) =>
        new Conversation(name).Preface().Frame(FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndStream, 1, block);

    private static Conversation Ask(string name, IEnumerable<(string, string)> fields) =>
        new Conversation(name).Preface().Request(1, fields).Body(1, Conversation.Message([])).Await(1);

    private static Conversation Trailers(string name, byte flags, IEnumerable<(string, string)> fields) =>
        new Conversation(name).Preface().Request(1, Conversation.Fields()).Frame(FrameType.Data, 0, 1, Conversation.Message([]))
            .Frame(FrameType.Headers, flags, 1, Hpack.Encode(fields));

    private static Conversation Continued(string name, int count)
    {
        var fields = Enumerable.Range(0, count).Select(i => ($"x-{i}", new string('x', 16_400 / count)));
        var conversation = new Conversation(name).Preface().Frame(FrameType.Headers, 0, 1, Hpack.Encode(Conversation.Fields()));
        return conversation
            .Frame(FrameType.Continuation, 0, 1, Hpack.Encode(fields).AsSpan(0, 16_000))
            .Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1, []);
    }

    private static Conversation Split(string name, Random random, bool endsHeaders)
    {
        var conversation = new Conversation(name).Preface();
        var block = Hpack.Encode(Conversation.Fields());
        conversation.Frame(FrameType.Headers, FrameFlags.EndStream, 1, block);
        for (var i = random.Next(2) == 0 ? 3000 : 10; i >= 0; i--)
            conversation.Frame(FrameType.Continuation, FrameFlags.None, 1, random.Next(2) == 0 ? [] : Hpack.Encode([("x", "y")]));
        return endsHeaders ? conversation.Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1, []) : conversation;
    }

    private static IEnumerable<(string, string)> With(string name, string value) =>
        Conversation.Fields().Select(field => field.Name == name ? (name, value) : field);

    private static byte[] RandomBytes(Random random)
    {
        var bytes = new byte[1 + random.Next(100)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static T Pick<T>(T[] values, Random random) => values[random.Next(values.Length)];
}
