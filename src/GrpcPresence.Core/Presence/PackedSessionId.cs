using System.Text;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>A session id as a session keeps it: a byte a character, half of what the text takes, because there are a million of them.</summary>
internal readonly struct PackedSessionId(SessionId id)
{
    private readonly byte[]? _ascii = id.IsEmpty ? null : Encoding.ASCII.GetBytes(id.ToString());

    /// <summary>Whether there is none: the anonymous session's.</summary>
    public bool IsEmpty => _ascii is null;

    /// <summary>Whether it is this id.</summary>
    public bool Is(SessionId id) => _ascii is null ? id.IsEmpty : Ascii.Equals(_ascii, id.ToString());

    /// <summary>The id.</summary>
    public SessionId Unpack() => SessionId.TryParse(_ascii is null ? null : Encoding.ASCII.GetString(_ascii), out var id) ? id : default;
}
