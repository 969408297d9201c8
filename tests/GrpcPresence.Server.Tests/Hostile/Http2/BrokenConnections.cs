namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Clients that do not speak valid HTTP/2: wrong first bytes, lengths and types, and frames in the wrong place.</summary>
internal static class BrokenConnections
{
    private const int MostFrames = 20;
    private static readonly uint[] Streams = [0, 1, 2, 3, 5, 99, int.MaxValue, 1u << 31, uint.MaxValue];

    public static IReadOnlyList<Func<Random, Conversation>> All { get; } =
    [
        random => new Conversation("garbage in place of the preface").Raw(Bytes(random, 200)),
        random => new Conversation("a part of the preface").Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8[..random.Next(24)]),
        _ => new Conversation("HTTP/1.1").Raw("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"u8),
        _ => new Conversation("TLS").Raw(0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00),
        _ => new Conversation("a request before the settings").Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8).Request(1, Conversation.Fields()),
        RandomFrames,
        random => new Conversation("a length that lies").Preface()
            .Frame((byte)random.Next(10), (byte)random.Next(256), Stream(random), Bytes(random, 64), length: random.Next(1 << 24)),
        random => new Conversation("a frame over the limit").Preface().Frame((byte)random.Next(10), 0, 1, new byte[16 * 1024 + 1]),
        random => Valid("a damaged connection").Damage(random),
        random => Valid("a damaged connection").Damage(random).Damage(random),
        random => Valid("a connection that ends early").Truncated(random),
        random => new Conversation("settings of a wrong length").Preface().Frame(FrameType.Settings, 0, 0, Bytes(random, 20)),
        random => new Conversation("settings out of range").Preface()
            .Frame(FrameType.Settings, 0, 0, [0, (byte)random.Next(9), (byte)random.Next(256), 255, 255, (byte)random.Next(256)]),
        _ => new Conversation("settings that end nothing").Preface().Frame(FrameType.Settings, FrameFlags.Ack, 0, [0, 1, 0, 0, 0, 1]),
        random => new Conversation("settings of a stream").Preface().Frame(FrameType.Settings, 0, Stream(random), []),
        random => new Conversation("a ping of a wrong length").Preface().Frame(FrameType.Ping, 0, 0, Bytes(random, 20)),
        random => new Conversation("a window of nothing, or beyond all bounds").Preface().Request(1, Conversation.Fields())
            .Frame(FrameType.WindowUpdate, 0, (uint)random.Next(3), [(byte)(random.Next(2) * 127), 255, 255, (byte)(random.Next(2) * 255)])
            .Frame(FrameType.WindowUpdate, 0, (uint)random.Next(3), [0, 0, 0, 0]),
        random => new Conversation("data of no stream").Preface()
            .Frame(FrameType.Data, (byte)random.Next(2), Stream(random), Bytes(random, 20)),
        random => new Conversation("data after the end").Preface().Request(1, Conversation.Fields())
            .Body(1, Conversation.Message([])).Frame(FrameType.Data, (byte)random.Next(2), 1, Bytes(random, 20)),
        _ => new Conversation("a stream twice").Preface().Request(1, Conversation.Fields()).Request(1, Conversation.Fields()),
        _ => new Conversation("a stream out of order").Preface()
            .Request(9, Conversation.Fields(), ends: true).Request(3, Conversation.Fields(), ends: true),
        _ => new Conversation("a stream of the server").Preface().Request(2, Conversation.Fields()),
        random => new Conversation("padding beyond the frame").Preface().Request(1, Conversation.Fields())
            .Frame(random.Next(2) == 0 ? FrameType.Data : FrameType.Headers, FrameFlags.Padded | FrameFlags.EndHeaders, 1, [255, 1, 2]),
        random => new Conversation("a stream that depends on itself").Preface()
            .Frame(FrameType.Priority, 0, 1, [0, 0, 0, 1, 16]).Frame(FrameType.Priority, 0, 3, [128, 0, 0, (byte)random.Next(8), 16]),
        random => new Conversation("a priority of a wrong length").Preface().Frame(FrameType.Priority, 0, 1, Bytes(random, 9)),
        random => new Conversation("a reset of no stream").Preface().Frame(FrameType.Reset, 0, Stream(random), Bytes(random, 5)),
        _ => new Conversation("a promise of the client").Preface().Frame(FrameType.PushPromise, FrameFlags.EndHeaders, 1, [0, 0, 0, 2]),
        random => new Conversation("a farewell and more").Preface()
            .Frame(FrameType.GoAway, 0, 0, Bytes(random, 20)).Request(1, Conversation.Fields(), ends: true),
        _ => new Conversation("a continuation of nothing").Preface().Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1, [0x88]),
        _ => new Conversation("another frame within headers").Preface()
            .Frame(FrameType.Headers, 0, 1, Hpack.Encode(Conversation.Fields())).Frame(FrameType.Ping, 0, 0, new byte[8]),
        _ => new Conversation("a message that never ends").Preface().Request(1, Conversation.Fields())
            .Frame(FrameType.Data, 0, 1, Conversation.Message([1, 2, 3], length: 100)),
    ];

    private static Conversation Valid(string name) =>
        new Conversation(name).Preface()
            .Request(1, Conversation.Fields())
            .Body(1, Conversation.Message([]))
            .Frame(FrameType.Ping, 0, 0, new byte[8])
            .Request(3, Conversation.Fields("/presence.v1.UserService/StreamHeartbeats")).Body(3, Conversation.Message([0x0a, 0x00]));

    private static Conversation RandomFrames(Random random)
    {
        var conversation = new Conversation("random frames").Preface();
        for (var i = random.Next(MostFrames); i >= 0; i--)
        {
            conversation.Frame(
                (byte)random.Next(random.Next(2) == 0 ? 10 : 256), (byte)random.Next(256), Stream(random), Bytes(random, 64));
        }
        return conversation;
    }

    private static uint Stream(Random random) => Streams[random.Next(Streams.Length)];

    private static byte[] Bytes(Random random, int max)
    {
        var bytes = new byte[random.Next(max) + 1];
        random.NextBytes(bytes);
        return bytes;
    }
}
