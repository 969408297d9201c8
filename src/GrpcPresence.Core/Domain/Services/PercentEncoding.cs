using System.Globalization;
using System.Text;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The percent-encoding of RFC 3986, on bytes: an escaped byte need not be part of a text.</summary>
internal static class PercentEncoding
{
    /// <summary>Returns the bytes of a valid component of a URL.</summary>
    public static byte[] Decode(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var value = bytes[i];
            if (value == '%')
            {
                value = byte.Parse(bytes.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                i += 2;
            }
            bytes[length++] = value;
        }
        return bytes[..length];
    }

    /// <summary>Escapes what is not ASCII and leaves everything else as it is.</summary>
    public static string EscapeNonAscii(string text)
    {
        if (Ascii.IsValid(text))
            return text;
        var escaped = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(text))
            _ = value < 0x80 ? escaped.Append((char)value) : escaped.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        return escaped.ToString();
    }
}
