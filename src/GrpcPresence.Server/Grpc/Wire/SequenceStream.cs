using System.Buffers;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>Reads a sequence. Reads at its end return nothing, as often as they are repeated.</summary>
internal sealed class SequenceStream(ReadOnlySequence<byte> bytes) : SequentialStream
{
    private ReadOnlySequence<byte> _left = bytes;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var read = (int)Math.Min(buffer.Length, _left.Length);
        _left.Slice(0, read).CopyTo(buffer);
        _left = _left.Slice(read);
        return read;
    }
}
