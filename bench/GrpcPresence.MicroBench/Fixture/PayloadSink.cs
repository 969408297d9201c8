using System.Buffers;
using Grpc.Core;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>Replaces the response pipe: keeps its buffer from message to message, and discards what was written.</summary>
internal sealed class PayloadSink : SerializationContext
{
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Bytes of the last message.</summary>
    public int Written => _buffer.WrittenCount;

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength) => _buffer.ResetWrittenCount();

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter() => _buffer;

    /// <inheritdoc/>
    public override void Complete()
    {
    }
}
