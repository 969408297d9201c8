using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Where a serializer puts a message: either as one array with <see cref="Complete(byte[])"/>, or through the buffer writer, ended by
/// <see cref="Complete()"/>. An implementation offers one way or both; what it does not offer throws <see cref="NotImplementedException"/>.
/// </summary>
public abstract class SerializationContext
{
    /// <summary>Gives the whole message and ends the serialization. The array belongs to the context from then on.</summary>
    /// <param name="payload">The serialized message.</param>
    public virtual void Complete(byte[] payload) => throw new NotImplementedException();

    /// <summary>The writer to put the message into, until <see cref="Complete()"/>.</summary>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotImplementedException();

    /// <summary>Announces the size of the message, which lets the writer have the right room. Call it before the writer is taken.</summary>
    /// <param name="payloadLength">The size in bytes.</param>
    public virtual void SetPayloadLength(int payloadLength) => throw new NotImplementedException();

    /// <summary>Ends the serialization of what the buffer writer was given.</summary>
    public virtual void Complete() => throw new NotImplementedException();
}
