using System.Globalization;
using System.Text;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The percent-encoding of RFC 3986, on bytes: an escaped byte need not be part of a text.</summary>
public static class PercentEncoding
{
    /// <summary>Returns the bytes of a component of a URL.</summary>
    public static byte[] Decode(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes[..Decode(bytes)];
    }

    /// <summary>
    /// Decodes in place, because the bytes never become more, and returns their number. A percent sign without two hexadecimal digits
    /// stands for itself (URL standard, section 1.3).
    /// </summary>
    public static int Decode(Span<byte> bytes)
    {
        var length = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == '%' && i + 2 < bytes.Length
                && byte.TryParse(bytes.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var decoded))
            {
                bytes[length++] = decoded;
                i += 2;
            }
            else
            {
                bytes[length++] = bytes[i];
            }
        }
        return length;
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
