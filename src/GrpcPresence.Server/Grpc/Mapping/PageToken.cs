using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>
/// Encodes the position between two pages: a format byte, the list, the store's key of the last entry, and a digest of these with the
/// service instance and the filter, in base64url. The digest is not a secret. It detects damaged tokens and tokens of another list. A
/// forged token reveals nothing that its caller may not list anyway.
/// </summary>
internal static class PageToken
{
    private const byte Format = 1;
    private const int KeyAt = 2;
    private const int DigestAt = KeyAt + sizeof(long);
    private const int DigestLength = 8;
    private const int Length = DigestAt + DigestLength; // a multiple of three, so that the last character has no unused bits

    /// <summary>Encodes the token of the page that follows the entry with this key.</summary>
    public static string Write(PageList list, long lastId)
    {
        Span<byte> token = stackalloc byte[Length];
        Fill(token, list, lastId);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>Decodes the key. Returns false when the text is not a token or belongs to another list.</summary>
    public static bool TryRead(string text, PageList list, out long lastId)
    {
        Span<byte> token = stackalloc byte[Length];
        Span<byte> expected = stackalloc byte[Length];
        lastId = 0;
        // TryDecodeFromChars would throw for text that is not base64.
        if (text.Length != Base64Url.GetEncodedLength(Length)
            || Base64Url.DecodeFromChars(text, token, out _, out var written) != OperationStatus.Done
            || written != Length)
        {
            return false;
        }
        lastId = BinaryPrimitives.ReadInt64BigEndian(token[KeyAt..]);
        Fill(expected, list, lastId);
        return token.SequenceEqual(expected);
    }

    private static void Fill(Span<byte> token, PageList list, long lastId)
    {
        token[0] = Format;
        token[1] = (byte)list.Kind;
        BinaryPrimitives.WriteInt64BigEndian(token[KeyAt..], lastId);

        var context = Encoding.UTF8.GetBytes($"{list.Service}{list.Filter}");
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData([.. token[..DigestAt], .. context], digest);
        digest[..DigestLength].CopyTo(token[DigestAt..]);
    }
}
