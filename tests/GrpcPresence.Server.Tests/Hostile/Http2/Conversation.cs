using System.Buffers.Binary;
using System.Text;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>The frames that one hostile client sends on one connection, and the answers that it expects.</summary>
/// <param name="name">What the client tries.</param>
internal sealed class Conversation(string name)
{
    public const string Unary = "/presence.v1.UserService/GetUser";
    private const int FrameHeaderBytes = 9;

    private static readonly byte[] PrefaceText = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private List<byte> _bytes = [];

    public string Name => name;

    public ReadOnlyMemory<byte> Bytes => _bytes.ToArray();

    /// <summary>The streams that must be answered before the client closes its side.</summary>
    public List<int> Awaited { get; } = [];

    /// <summary>
    /// The gRPC statuses that answers may have; null for any documented status, an HTTP error, a reset, or the end of the connection.
    /// </summary>
    public int[]? Statuses { get; private set; }

    /// <summary>The path of a method that every request may name.</summary>
    public static IReadOnlyList<(string Name, string Value)> Fields(string path = Unary) =>
    [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
        ("content-type", "application/grpc"), ("te", "trailers"),
    ];

    /// <summary>Adds raw bytes.</summary>
    public Conversation Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>Adds a valid preface. The dynamic table is off, so that answers can be read without one.</summary>
    public Conversation Preface() => Raw(PrefaceText).Frame(FrameType.Settings, FrameFlags.None, 0, [0, 1, 0, 0, 0, 0])
        .Frame(FrameType.Settings, FrameFlags.Ack, 0, []);

    /// <summary>Adds a frame, whose length may be wrong.</summary>
    public Conversation Frame(byte type, byte flags, uint stream, ReadOnlySpan<byte> payload, int? length = null)
    {
        Span<byte> header = stackalloc byte[FrameHeaderBytes];
        BinaryPrimitives.WriteInt32BigEndian(header, (length ?? payload.Length) << 8);
        header[3] = type;
        header[4] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(header[5..], stream);
        return Raw(header).Raw(payload);
    }

    /// <summary>Adds the headers of a request.</summary>
    public Conversation Request(uint stream, IEnumerable<(string Name, string Value)> fields, bool ends = false) =>
        Frame(FrameType.Headers, (byte)(FrameFlags.EndHeaders | (ends ? FrameFlags.EndStream : 0)), stream, Hpack.Encode(fields));

    /// <summary>Adds the body and the end of the request.</summary>
    public Conversation Body(uint stream, ReadOnlySpan<byte> bytes)
    {
        const int MostInFrame = 16 * 1024;
        for (; bytes.Length > MostInFrame; bytes = bytes[MostInFrame..])
            Frame(FrameType.Data, FrameFlags.None, stream, bytes[..MostInFrame]);
        return Frame(FrameType.Data, FrameFlags.EndStream, stream, bytes);
    }

    /// <summary>Waits for the answer of the stream.</summary>
    public Conversation Await(int stream)
    {
        Awaited.Add(stream);
        return this;
    }

    /// <summary>Does the same as <see cref="Await"/>; the answer must have one of these gRPC statuses.</summary>
    public Conversation Expect(int stream, params int[] statuses)
    {
        Statuses = statuses;
        return Await(stream);
    }

    /// <summary>Returns the same conversation with damaged bytes. Its answers are then unknown.</summary>
    public Conversation Damage(Random random)
    {
        _bytes = [.. ByteDamage.Do([.. _bytes], random)];
        Awaited.Clear();
        Statuses = null;
        return this;
    }

    /// <summary>Returns the same conversation, but the client stops in the middle.</summary>
    public Conversation Truncated(Random random)
    {
        _bytes = _bytes[..random.Next(_bytes.Count)];
        return this;
    }

    /// <summary>Returns a message with its gRPC prefix.</summary>
    public static byte[] Message(ReadOnlySpan<byte> message, byte flag = 0, uint? length = null)
    {
        var framed = new byte[5 + message.Length];
        framed[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), length ?? (uint)message.Length);
        message.CopyTo(framed.AsSpan(5));
        return framed;
    }

    public override string ToString()
    {
        const int Shown = 400;
        var shown = Convert.ToHexStringLower(Bytes.Span[..Math.Min(Shown, _bytes.Count)]);
        return new StringBuilder(Name).Append(' ').Append(shown).Append(_bytes.Count > Shown ? $"… ({_bytes.Count} bytes)" : "").ToString();
    }
}
