using System.Text;

namespace GrpcPresence.Server.Tests.Hostile.Http2;

/// <summary>Implements the part of RFC 7541 that these tests need: literal fields, and the statuses of the static table.</summary>
internal static class Hpack
{
    // The entries 8 to 14 of the static table.
    private static readonly int[] Statuses = [200, 204, 206, 304, 400, 404, 500];
    private const int FirstStatus = 8;

    /// <summary>Encodes fields, each as a literal without indexing and compression.</summary>
    public static byte[] Encode(IEnumerable<(string Name, string Value)> fields)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in fields)
        {
            bytes.Add(0);
            AddText(bytes, Encoding.UTF8.GetBytes(name));
            AddText(bytes, Encoding.UTF8.GetBytes(value));
        }
        return [.. bytes];
    }

    /// <summary>Decodes the fields that the server sent. It uses neither the dynamic table, which has size 0, nor Huffman coding.</summary>
    public static IEnumerable<(string Name, string Value)> Decode(byte[] block)
    {
        for (var at = 0; at < block.Length;)
        {
            var first = block[at];
            if ((first & 0x80) != 0)
            {
                yield return (":status", StatusAt(Number(block, ref at, 7)));
            }
            else if ((first & 0xe0) == 0x20)
            {
                Number(block, ref at, 5); // the size of the dynamic table
            }
            else
            {
                var index = Number(block, ref at, (first & 0x40) != 0 ? 6 : 4);
                var name = index == 0 ? Text(block, ref at) : index is >= FirstStatus and < FirstStatus + 7 ? ":status" : $"#{index}";
                yield return (name, Text(block, ref at));
            }
        }
    }

    private static string StatusAt(int index) => $"{Statuses.ElementAtOrDefault(index - FirstStatus)}";

    private static string Text(byte[] block, ref int at)
    {
        var length = Number(block, ref at, 7);
        at += length;
        return Encoding.UTF8.GetString(block, at - length, length);
    }

    private static int Number(byte[] block, ref int at, int prefixBits)
    {
        var max = (1 << prefixBits) - 1;
        var number = block[at++] & max;
        if (number < max)
            return number;
        for (var shift = 0; ; shift += 7)
        {
            number += (block[at] & 0x7f) << shift;
            if ((block[at++] & 0x80) == 0)
                return number;
        }
    }

    private static void AddText(List<byte> bytes, byte[] text)
    {
        const int Most = 127;
        if (text.Length < Most)
        {
            bytes.Add((byte)text.Length);
        }
        else
        {
            bytes.Add(Most);
            bytes.AddRange(new WireWriter().Number((ulong)(text.Length - Most)).ToArray()); // the same code as a varint of protobuf
        }
        bytes.AddRange(text);
    }
}
