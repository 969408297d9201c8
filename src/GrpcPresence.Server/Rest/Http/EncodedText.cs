using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Rest.Errors;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Decodes percent-encoded text, and rejects bytes that are not UTF-8. ASP.NET Core replaces them or leaves their encoding in the text, so
/// that two different names become equal, or a name becomes another one.
/// </summary>
internal static class EncodedText
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Decodes a segment of a path.</summary>
    /// <exception cref="RestException">The text is not UTF-8.</exception>
    public static string DecodeSegment(string text) => Decode(Encoding.UTF8.GetBytes(text));

    /// <summary>Decodes a name or a value of a query or form, in which a plus sign stands for a space.</summary>
    /// <exception cref="RestException">The text is not UTF-8.</exception>
    public static string DecodePart(ReadOnlySpan<byte> text)
    {
        var bytes = text.ToArray();
        bytes.AsSpan().Replace((byte)'+', (byte)' ');
        return Decode(bytes);
    }

    private static string Decode(Span<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes[..PercentEncoding.Decode(bytes)]);
        }
        catch (DecoderFallbackException)
        {
            throw RestException.NotUtf8();
        }
    }
}
