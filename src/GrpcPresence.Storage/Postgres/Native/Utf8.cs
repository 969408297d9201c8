using System.Text;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>Texts as they are stored: bytes, because a text of PostgreSQL cannot contain the character U+0000.</summary>
internal static class Utf8
{
    /// <summary>Returns the stored form of the text.</summary>
    public static byte[] Of(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>Returns the number of bytes of the stored form.</summary>
    public static int Count(string text) => Encoding.UTF8.GetByteCount(text);
}
