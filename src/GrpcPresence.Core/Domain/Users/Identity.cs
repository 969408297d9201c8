using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>
/// The application's name for a user: 1 to 256 characters, case-sensitive, without control characters, and not of the form of a user SID.
/// Compared by code unit.
/// </summary>
public readonly record struct Identity
{
    private readonly string? _text;

    private Identity(string text) => _text = text;

    /// <summary>Whether the identity is empty: the value of <c>default</c>.</summary>
    public bool IsEmpty => _text is null;

    /// <summary>
    /// Parses the text; returns false when it is empty, too long, contains a control character, or has the form of a user SID.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Identity identity)
    {
        var valid = !string.IsNullOrEmpty(text)
            && !TextRules.IsLonger(text, Limits.IdentityLength)
            && !TextRules.HasControls(text)
            && !IsReserved(text);
        identity = valid ? new Identity(text!) : default;
        return valid;
    }

    /// <summary>Wraps a text that was validated before, from the store.</summary>
    public static Identity FromTrusted(string text) => new(text);

    /// <summary>Whether the text has the form of a user SID, which would make a user key ambiguous.</summary>
    public static bool IsReserved(string text) => UserSid.TryParse(text, out _);

    /// <inheritdoc/>
    public override string ToString() => _text ?? "";
}
