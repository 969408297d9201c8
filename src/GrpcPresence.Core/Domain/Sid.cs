using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain;

/// <summary>
/// The common form of SIDs: two capital letters and 32 hexadecimal digits. Digits are accepted in either case and written in lower case.
/// </summary>
public static class Sid
{
    /// <summary>Characters of a SID.</summary>
    public const int Length = 34;

    /// <summary>Whether the text has the form; returns its 128 bits.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, string prefix, out UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        var parsed = text is { Length: Length }
            && text.StartsWith(prefix, StringComparison.Ordinal)
            && Convert.FromHexString(text.AsSpan(prefix.Length), bytes, out _, out _) == OperationStatus.Done;
        value = parsed ? BinaryPrimitives.ReadUInt128BigEndian(bytes) : default;
        return parsed;
    }

    /// <summary>Formats a SID.</summary>
    public static string Format(string prefix, UInt128 value) => string.Create(Length, (prefix, value), static (text, sid) =>
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, sid.value);
        sid.prefix.CopyTo(text);
        Convert.TryToHexStringLower(bytes, text[sid.prefix.Length..], out _);
    });
}
