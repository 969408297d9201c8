using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <summary>
/// Encodes the position of a page: a format byte, which also tells the direction, the list, the store's key beside the page, and a digest
/// of these with the service instance and the filter, in base64url. The digest is not a secret. It detects damaged tokens and tokens of
/// another list. A forged token reveals nothing that its caller may not list anyway.
/// </summary>
internal static class PageToken
{
    private const byte Forwards = 1;
    private const byte Backwards = 2;
    private const int KeyAt = 2;
    private const int DigestAt = KeyAt + sizeof(long);
    private const int DigestLength = 8;
    private const int Length = DigestAt + DigestLength; // a multiple of three, so that the last character has no unused bits

    /// <summary>Encodes the token of the page at this position.</summary>
    public static string Write(PageList list, PagePosition position)
    {
        Span<byte> token = stackalloc byte[Length];
        Fill(token, list, position);
        return Base64Url.EncodeToString(token);
    }

    /// <summary>Decodes the position. Returns false when the text is not a token or belongs to another list.</summary>
    public static bool TryRead(string text, PageList list, out PagePosition position)
    {
        Span<byte> token = stackalloc byte[Length];
        Span<byte> expected = stackalloc byte[Length];
        position = default;
        // TryDecodeFromChars would throw for text that is not base64.
        if (text.Length != Base64Url.GetEncodedLength(Length)
            || Base64Url.DecodeFromChars(text, token, out _, out var written) != OperationStatus.Done
            || written != Length)
        {
            return false;
        }
        position = new PagePosition(BinaryPrimitives.ReadInt64BigEndian(token[KeyAt..]), token[0] == Backwards);
        Fill(expected, list, position);
        return token.SequenceEqual(expected);
    }

    private static void Fill(Span<byte> token, PageList list, PagePosition position)
    {
        token[0] = position.IsBackwards ? Backwards : Forwards;
        token[1] = (byte)list.Kind;
        BinaryPrimitives.WriteInt64BigEndian(token[KeyAt..], position.Id);

        var context = Encoding.UTF8.GetBytes($"{list.Service}{list.Filter}");
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData([.. token[..DigestAt], .. context], digest);
        digest[..DigestLength].CopyTo(token[DigestAt..]);
    }
}
