using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a deserializer takes a message from. It may take it once, and only while it runs.</summary>
public abstract class DeserializationContext
{
    /// <summary>The size of the message in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>The message in an array of its own, which the deserializer may keep.</summary>
    public abstract byte[] PayloadAsNewBuffer();

    /// <summary>The message without a copy where the implementation can; the memory may be reused once the deserializer returns.</summary>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(PayloadAsNewBuffer());
}
