using System.Text;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Values that clients should not send, in any field.</summary>
internal static class HostileValues
{
    private const int OneInHuge = 200;
    private const int HugeBytes = 100_000;

    private static readonly byte[][] Texts =
    [
        "\0"u8.ToArray(),
        "a\0b"u8.ToArray(),
        "\u0001\u001b[2J\r\n\u007f"u8.ToArray(),
        "\u0085\u009b"u8.ToArray(), // control characters of two bytes
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("💚", 256))), // the longest identity
        Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("💚", 257))),
        " "u8.ToArray(),
        "\u202egnp.live\u2066\u200b\ufeff"u8.ToArray(),
        "a\u0301\ud83d\udc69\u200d\ud83d\udc67"u8.ToArray(),
        "\ufffd\uffff"u8.ToArray(),
        [0xff],
        [0xc3],
        [0xed, 0xa0, 0x80], // a lone surrogate
        [0xf4, 0x90, 0x80, 0x80], // beyond the last code point
        [0xc0, 0x80], // an overlong NUL
        "US00000000000000000000000000000001"u8.ToArray(),
        "USabcdefABCDEFabcdefABCDEFabcdefABCD"u8.ToArray(),
        "us00000000000000000000000000000001"u8.ToArray(),
        "IS00000000000000000000000000000099"u8.ToArray(),
        "IS0000000000000000000000000000000g"u8.ToArray(),
        "ISffffffffffffffffffffffffffffffff"u8.ToArray(),
        "BS00000000000000000000000000000001"u8.ToArray(),
        "RL00000000000000000000000000000001"u8.ToArray(),
        "RL"u8.ToArray(),
        "' OR 1=1; DROP TABLE users; --"u8.ToArray(),
        "%s%n{0}${x}../../etc/passwd"u8.ToArray(),
        "{}"u8.ToArray(),
        "[]"u8.ToArray(),
        "null"u8.ToArray(),
        "{\"a\":1,\"a\":2}"u8.ToArray(),
        "{\"a\":\"\\ud800\"}"u8.ToArray(),
        "{\"a\":1e999999}"u8.ToArray(),
        "{\"a\":1}x"u8.ToArray(),
        "{\"a\":1,}"u8.ToArray(),
        "{/**/}"u8.ToArray(),
        Encoding.UTF8.GetBytes(Deep(32)),
        Encoding.UTF8.GetBytes(Deep(33)),
        Encoding.UTF8.GetBytes(Deep(700)),
        "*"u8.ToArray(),
        "user.friendly_name"u8.ToArray(),
        "FriendlyName"u8.ToArray(),
        "sid"u8.ToArray(),
        "a..b,,c"u8.ToArray(),
        "AAAAAAAAAAAAAAAAAAAAAAAA"u8.ToArray(),
        "====="u8.ToArray(),
        "-_-_"u8.ToArray(),
    ];

    private static readonly int[] Lengths = [63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097, 10_000, 16_383, 16_384, 16_385];

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 99, 127, 128, 500, 501, 1000, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue,
        315_576_000_000, 315_576_000_001, 999_999_999, 1_000_000_000, 253_402_300_800,
        unchecked((ulong)-1L), unchecked((ulong)-999_999_999L),
        unchecked((ulong)(long)int.MinValue), unchecked((ulong)-62_135_596_801L),
    ];

    /// <summary>Returns the bytes of a text, not always valid UTF-8; rarely very long.</summary>
    public static byte[] Text(Random random)
    {
        if (random.Next(OneInHuge) == 0)
            return Repeated(random, HugeBytes);
        return random.Next(4) == 0 ? Repeated(random, Lengths[random.Next(Lengths.Length)]) : Texts[random.Next(Texts.Length)];
    }

    /// <summary>Returns a number on the wire, of any type.</summary>
    public static ulong Number(Random random) => Numbers[random.Next(Numbers.Length)];

    private static byte[] Repeated(Random random, int bytes)
    {
        var unit = random.Next(3) switch
        {
            0 => "x"u8,
            1 => "é"u8,
            _ => "😀"u8,
        };
        var text = new byte[bytes];
        for (var i = 0; i < bytes; i++)
            text[i] = unit[i % unit.Length];
        return text;
    }

    private static string Deep(int depth) => $"{string.Concat(Enumerable.Repeat("{\"a\":", depth))}1{new string('}', depth)}";
}
