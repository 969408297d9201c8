namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Damages bytes the way that networks, faulty encoders and attackers do.</summary>
internal static class ByteDamage
{
    private const int MostInserted = 16;
    private const int UnknownField = 1000;

    // Around the maximum depth of parsers, which is 100, and far beyond.
    private static readonly int[] Depths = [1, 90, 97, 98, 99, 100, 101, 102, 5000];

    private static readonly Func<byte[], Random, byte[]>[] Ways =
    [
        FlipBits, FlipBits, Overwrite, Insert, Remove, Duplicate, Truncate, Concatenate,
        AppendUnknown, AppendWrongWireType, AppendLie, AppendGroups,
        AppendEndlessNumber, AppendBadTag, Scramble,
    ];

    /// <summary>Returns damaged bytes and leaves the given bytes unchanged.</summary>
    public static byte[] Do(byte[] bytes, Random random)
    {
        var damaged = bytes;
        for (var i = random.Next(3); i >= 0; i--)
            damaged = Ways[random.Next(Ways.Length)](damaged, random);
        return damaged;
    }

    private static byte[] FlipBits(byte[] bytes, Random random)
    {
        byte[] copy = [.. bytes];
        for (var i = random.Next(4); i >= 0 && copy.Length > 0; i--)
            copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
        return copy;
    }

    private static byte[] Overwrite(byte[] bytes, Random random)
    {
        byte[] copy = [.. bytes];
        if (copy.Length > 0)
            copy[random.Next(copy.Length)] = (byte)random.Next(256);
        return copy;
    }

    private static byte[] Insert(byte[] bytes, Random random)
    {
        var at = random.Next(bytes.Length + 1);
        return [.. bytes[..at], .. Random(random), .. bytes[at..]];
    }

    private static byte[] Remove(byte[] bytes, Random random)
    {
        var (from, to) = Range(bytes, random);
        return [.. bytes[..from], .. bytes[to..]];
    }

    private static byte[] Duplicate(byte[] bytes, Random random)
    {
        var (from, to) = Range(bytes, random);
        return [.. bytes[..to], .. bytes[from..]];
    }

    private static byte[] Truncate(byte[] bytes, Random random) => bytes[..random.Next(bytes.Length + 1)];

    private static byte[] Concatenate(byte[] bytes, Random random) => [.. bytes, .. bytes];

    private static byte[] AppendUnknown(byte[] bytes, Random random) =>
        [.. bytes, .. new WireWriter().Field(UnknownField + random.Next(1000), HostileValues.Text(random)).ToArray()];

    private static byte[] AppendWrongWireType(byte[] bytes, Random random) =>
        [.. bytes, .. new WireWriter().Tag(1 + random.Next(8), random.Next(8)).Raw(Random(random)).ToArray()];

    private static byte[] AppendLie(byte[] bytes, Random random) =>
        [.. bytes, .. new WireWriter().Tag(1 + random.Next(8), WireWriter.Delimited).Number(HostileValues.Number(random)).ToArray()];

    private static byte[] AppendGroups(byte[] bytes, Random random) =>
        [.. bytes, .. new WireWriter().Nested(random.Next(2) == 0 ? 1 : UnknownField, Depths[random.Next(Depths.Length)]).ToArray()];

    private static byte[] AppendEndlessNumber(byte[] bytes, Random random) =>
        [
            .. bytes,
            .. new WireWriter().Tag(1 + random.Next(8), WireWriter.Varint).ToArray(),
            .. Enumerable.Repeat((byte)0xff, 9 + random.Next(20)),
        ];

    private static byte[] AppendBadTag(byte[] bytes, Random random) =>
        [.. bytes, .. new WireWriter().Tag(random.Next(2) == 0 ? 0 : int.MaxValue, random.Next(8)).ToArray()];

    private static byte[] Scramble(byte[] bytes, Random random) => Random(random);

    private static byte[] Random(Random random)
    {
        var bytes = new byte[1 + random.Next(MostInserted)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static (int From, int To) Range(byte[] bytes, Random random)
    {
        var from = random.Next(bytes.Length + 1);
        return (from, Math.Min(bytes.Length, from + random.Next(MostInserted)));
    }
}
