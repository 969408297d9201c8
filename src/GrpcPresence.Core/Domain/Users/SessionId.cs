using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>The id of a session: 1 to 64 of <c>[A-Za-z0-9_-]</c>, made by the client.</summary>
public readonly record struct SessionId
{
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private readonly string? _text;

    private SessionId(string text) => _text = text;

    /// <summary>
    /// Whether the id is empty. The anonymous session has an empty id; it stands for a user that was online when the process started.
    /// </summary>
    public bool IsEmpty => _text is null;

    /// <summary>Converts a stored id.</summary>
    public static SessionId FromTrusted(string text) => new(text);

    /// <summary>Parses the text; returns false when it does not have the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out SessionId id)
    {
        var valid = text is { Length: > 0 and <= Limits.SessionIdLength } && !text.AsSpan().ContainsAnyExcept(Allowed);
        id = valid ? new SessionId(text!) : default;
        return valid;
    }

    /// <inheritdoc/>
    public override string ToString() => _text ?? "";
}
