using System.IO.Compression;
using Grpc.Core;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>
/// Clients with valid HTTP/2 and invalid gRPC: wrong prefixes, missing or excessive compression, too many or too few messages.
/// </summary>
internal static class HostileMessages
{
    private const int BombBytes = 64 * 1024 * 1024;
    private const byte Compressed = 1;
    private const int Internal = (int)StatusCode.Internal;
    private const int TooLarge = (int)StatusCode.ResourceExhausted;
    private const int Unimplemented = (int)StatusCode.Unimplemented;
    private const int Invalid = (int)StatusCode.InvalidArgument;

    private static readonly string[] Paths =
    [
        Conversation.Unary, "/presence.v1.UserService/StreamHeartbeats", "/presence.v1.UserService/WatchUsers",
        "/presence.v1.ConfigurationService/UpdateConfiguration",
    ];

    private static readonly byte[] Inflating = Gzip(new byte[BombBytes]);
    private static readonly byte[] Zeros = new byte[2 * Limits.ReceivedMessageBytes];

    public static IReadOnlyList<Func<Random, Conversation>> All { get; } =
    [
        random => Send("a valid call", random, Conversation.Message([]), Invalid),
        random => Send("a flag that does not exist", random, Conversation.Message([], flag: (byte)random.Next(2, 256)), Internal),
        random => Send("a message longer than it says", random, Conversation.Message([0x0a, 0x00], length: 1), Internal),
        random => Send("a message shorter than it says", random, Conversation.Message([0x0a, 0x00], length: 3), Internal),
        random => Send("half a prefix", random, Conversation.Message([])[..random.Next(1, 5)], Internal),
        random => Send("a length over the limit", random, Conversation.Message([], length: Limits.ReceivedMessageBytes + 1), TooLarge),
        random =>
            Send("a length beyond all bounds", random, Conversation.Message([], length: uint.MaxValue - (uint)random.Next(9)), TooLarge),
        random => Send("a length of 2 GiB", random, Conversation.Message([], length: (1u << 31) - (uint)random.Next(2)), TooLarge),
        _ => new Conversation("more than the window lets through").Preface()
            .Request(1, Conversation.Fields())
            .Body(1, Conversation.Message(Zeros)),
        _ => Send("two messages of one", Conversation.Unary, [], [.. Conversation.Message([]), .. Conversation.Message([])], Internal),
        _ => new Conversation("no message").Preface().Request(1, Conversation.Fields(), ends: true).Expect(1, Internal),
        random => Send("a message that cannot be decoded", random, Conversation.Message([0xff, 0xff, 0xff]), Internal),
        random => Send("compressed without an encoding", random, Conversation.Message([], Compressed), Internal),
        random => Encode("compressed and not", random, "identity", [], Internal),
        random => Encode("an unknown encoding", random, random.Next(2) == 0 ? "nonsense" : "\u0001", [], Unimplemented, Internal),
        random => Encode("an encoding of nothing", random, "", [], Unimplemented, Internal),
        random => Encode("gzip", random, "gzip", Gzip([]), Invalid),
        random => Encode("gzip of nothing", random, "gzip", [], Invalid, Internal),
        random => Encode("damaged gzip", random, "gzip", Damaged(random), Invalid, Internal, TooLarge),
        random => Encode("half of gzip", random, "gzip", Gzip(Zeros.AsSpan(0, 1000))[..12], Internal, Invalid),
        _ => Bomb(),
        random => Encode("just over the limit", random, "gzip", Gzip(Zeros.AsSpan(0, Limits.ReceivedMessageBytes + 1)), TooLarge),
        random => Encode("many bombs in one", random, "gzip", [.. Inflating, .. Inflating], TooLarge),
    ];

    /// <summary>Returns a message of some kilobytes that inflates to 64 MiB.</summary>
    public static Conversation Bomb() =>
        Send("a bomb", Conversation.Unary, [("grpc-encoding", "gzip")], Conversation.Message(Inflating, Compressed), TooLarge);

    private static Conversation Send(string name, Random random, byte[] body, params int[] statuses) =>
        Send(name, Paths[random.Next(Paths.Length)], [], body, statuses);

    private static Conversation Encode(string name, Random random, string encoding, byte[] message, params int[] statuses) =>
        Send(name, Paths[random.Next(Paths.Length)], [("grpc-encoding", encoding)], Conversation.Message(message, Compressed), statuses);

    private static Conversation Send(string name, string path, IEnumerable<(string, string)> fields, byte[] body, params int[] statuses) =>
        new Conversation(name).Preface().Request(1, [.. Conversation.Fields(path), .. fields]).Body(1, body).Expect(1, statuses);

    private static byte[] Damaged(Random random) => ByteDamage.Do(Gzip([]), random);

    private static byte[] Gzip(ReadOnlySpan<byte> bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
            gzip.Write(bytes);
        return compressed.ToArray();
    }
}
