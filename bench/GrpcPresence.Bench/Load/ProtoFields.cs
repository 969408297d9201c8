namespace GrpcPresence.Bench.Load;

/// <summary>
/// Walks the fields of an encoded message without decoding them. A load that created objects of what it receives would be slower than the
/// server.
/// </summary>
internal ref struct ProtoFields(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field to which <see cref="Next"/> moved.</summary>
    public int Number { get; private set; }

    /// <summary>The bytes of a length-delimited field; otherwise empty.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Moves to the next field; returns false at the end.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        var tag = Varint();
        Number = (int)(tag >> 3);
        var bytes = (tag & 7) switch
        {
            0 => SkipVarint(),
            1 => 8,
            2 => (int)Varint(),
            5 => 4,
            _ => throw new InvalidDataException($"Unknown wire type {tag & 7}."),
        };
        Value = _rest[..bytes];
        _rest = _rest[bytes..];
        return true;
    }

    /// <summary>Returns the bytes of the first field with the number; empty if it does not exist.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> message, int number)
    {
        var fields = new ProtoFields(message);
        while (fields.Next())
        {
            if (fields.Number == number)
                return fields.Value;
        }
        return [];
    }

    private int SkipVarint()
    {
        Varint();
        return 0;
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var part = _rest[0];
            _rest = _rest[1..];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }
    }
}
