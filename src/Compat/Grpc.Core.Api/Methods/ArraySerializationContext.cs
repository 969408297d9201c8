using System.Buffers;

namespace Grpc.Core;

/// <summary>Collects what a serializer writes, by either way, into an array.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private ArrayBufferWriter<byte>? _writer;
    private byte[]? _payload;
    private int _announcedLength;

    public byte[] Payload => _payload ?? throw new InvalidOperationException("The serializer did not complete the message.");

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        if (_payload is not null)
            throw new InvalidOperationException("The serializer completed the message twice.");

        _payload = payload;
    }

    public override void Complete() => Complete(_writer?.WrittenSpan.ToArray() ?? []);

    public override void SetPayloadLength(int payloadLength) => _announcedLength = payloadLength;

    public override IBufferWriter<byte> GetBufferWriter() =>
        _writer ??= _announcedLength > 0 ? new ArrayBufferWriter<byte>(_announcedLength) : new ArrayBufferWriter<byte>();
}
