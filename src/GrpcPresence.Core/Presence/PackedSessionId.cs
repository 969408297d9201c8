using System.Text;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A compact session id, because a process holds a million of them: a GUID in its usual form takes 16 bytes, any other id one byte per
/// character.
/// </summary>
internal readonly struct PackedSessionId(SessionId id)
{
    private const int GuidCharacters = 36;
    private const byte GuidMark = 0; // the first byte of a packed GUID; no id begins with it

    private readonly byte[]? _bytes = id.IsEmpty ? null : Pack(id.ToString());

    /// <summary>Whether the id is empty: the anonymous session's.</summary>
    public bool IsEmpty => _bytes is null;

    /// <summary>Whether the two ids are equal.</summary>
    public bool Is(SessionId id)
    {
        if (_bytes is null)
            return id.IsEmpty;
        if (_bytes[0] != GuidMark)
            return Ascii.Equals(_bytes, id.ToString());
        Span<char> text = stackalloc char[GuidCharacters];
        Format(_bytes, text);
        return text.SequenceEqual(id.ToString());
    }

    /// <summary>Returns the id.</summary>
    public SessionId Unpack() => _bytes is null || !SessionId.TryParse(Unpack(_bytes), out var id) ? default : id;

    private static byte[] Pack(string text)
    {
        if (text.Length != GuidCharacters || !Guid.TryParseExact(text, "D", out var guid))
            return Encoding.ASCII.GetBytes(text);
        var bytes = new byte[17];
        bytes[0] = GuidMark;
        guid.TryWriteBytes(bytes.AsSpan(1));
        // Ids are case-sensitive: a GUID with capital letters is a different id.
        return Unpack(bytes) == text ? bytes : Encoding.ASCII.GetBytes(text);
    }

    private static string Unpack(byte[] bytes) => bytes[0] == GuidMark
        ? string.Create(GuidCharacters, bytes, static (text, packed) => Format(packed, text))
        : Encoding.ASCII.GetString(bytes);

    private static void Format(byte[] packed, Span<char> text) => new Guid(packed.AsSpan(1)).TryFormat(text, out _, "D");
}
