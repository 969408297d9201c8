namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Writes the wire format of messages without its rules: arbitrary bytes as text, any number as a length, a wrong wire type.
/// </summary>
internal sealed class WireWriter
{
    public const int Varint = 0;
    public const int Fixed64 = 1;
    public const int Delimited = 2;
    public const int StartGroup = 3;
    public const int EndGroup = 4;

    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public WireWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public WireWriter Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
        return this;
    }

    public WireWriter Tag(int field, int wireType) => Number(((ulong)field << 3) | (uint)wireType);

    public WireWriter Field(int field, ulong value) => Tag(field, Varint).Number(value);

    public WireWriter Field(int field, ReadOnlySpan<byte> value) => Tag(field, Delimited).Number((ulong)value.Length).Raw(value);

    /// <summary>Writes nested groups, whose depth recursive parsers must limit.</summary>
    public WireWriter Nested(int field, int depth)
    {
        for (var i = 0; i < depth; i++)
            Tag(field, StartGroup);
        for (var i = 0; i < depth; i++)
            Tag(field, EndGroup);
        return this;
    }
}
