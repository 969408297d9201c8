namespace Grpc.Core;

/// <summary>Hands an array to a deserializer, once.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    private bool _taken;

    public override int PayloadLength => payload.Length;

    public override byte[] PayloadAsNewBuffer()
    {
        if (_taken)
            throw new InvalidOperationException("The deserializer took the message twice.");

        _taken = true;
        return payload;
    }
}
