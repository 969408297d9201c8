namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Clients that send many requests that are cheap to send and expensive to answer.</summary>
internal static class Floods
{
    private const int Many = 3000;
    private const int Streams = 300;

    public static IReadOnlyList<Func<Random, Conversation>> All { get; } =
    [
        _ => Repeat("pings", Many, (conversation, _) => conversation.Frame(FrameType.Ping, 0, 0, new byte[8])),
        _ => Repeat("settings", Many, (conversation, i) => conversation.Frame(FrameType.Settings, 0, 0, [0, 4, 0, 0, (byte)i, 1])),
        _ => Repeat("windows", Many, (conversation, _) => conversation.Frame(FrameType.WindowUpdate, 0, 0, [0, 0, 0, 1])),
        _ => Repeat("priorities", Many, (conversation, i) =>
            conversation.Frame(FrameType.Priority, 0, (uint)((2 * i) + 1), [0, 0, 0, (byte)(2 * i), 1])),
        _ => Repeat("unknown frames", Many, (conversation, i) => conversation.Frame((byte)(10 + (i % 200)), 0, (uint)i, [1, 2, 3])),
        _ => Repeat("requests that are reset at once", Streams, (conversation, i) =>
            Reset(conversation.Request(Odd(i), Conversation.Fields()), i)),
        _ => Repeat("calls that are reset at once", Streams, (conversation, i) =>
            Reset(conversation.Request(Odd(i), Conversation.Fields()).Body(Odd(i), Conversation.Message([])), i)),
        _ => Repeat("watches that are reset at once", Streams, (conversation, i) =>
            Reset(
                conversation
                    .Request(Odd(i), Conversation.Fields("/grpc.health.v1.Health/Watch"))
                    .Body(Odd(i), Conversation.Message([])),
                i)),
        _ => Repeat("streams that say nothing", Streams, (conversation, i) =>
            conversation.Request(Odd(i), Conversation.Fields("/presence.v1.UserService/StreamHeartbeats"))),
        _ => Repeat("data of nothing", Many, (conversation, i) =>
            (i == 0 ? conversation.Request(1, Conversation.Fields()) : conversation).Frame(FrameType.Data, 0, 1, [])),
        _ => Repeat("a window of nothing for many answers", Streams, (conversation, i) =>
            (i == 0 ? conversation.Frame(FrameType.Settings, 0, 0, [0, 4, 0, 0, 0, 0]) : conversation)
            .Request(Odd(i), Conversation.Fields("/grpc.health.v1.Health/List")).Body(Odd(i), Conversation.Message([]))),
    ];

    private static Conversation Repeat(string name, int times, Func<Conversation, int, Conversation> say)
    {
        var conversation = new Conversation($"a flood of {name}").Preface();
        for (var i = 0; i < times; i++)
            say(conversation, i);
        return conversation;
    }

    private static Conversation Reset(Conversation conversation, int number) =>
        conversation.Frame(FrameType.Reset, 0, Odd(number), [0, 0, 0, 8]);

    private static uint Odd(int number) => (uint)((2 * number) + 1);
}
