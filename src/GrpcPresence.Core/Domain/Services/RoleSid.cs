using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The SID of a role, "RL" and 32 hexadecimal digits, or empty. Roles belong to another service; this one stores and returns them.
/// </summary>
public readonly record struct RoleSid
{
    private const string Prefix = "RL";
    private readonly string? _text;

    private RoleSid(string text) => _text = text;

    /// <summary>Parses the text; the empty text means no role.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RoleSid sid)
    {
        sid = default;
        if (text is null)
            return false;
        if (text.Length == 0)
            return true;
        if (!Sid.TryParse(text, Prefix, out var value))
            return false;
        sid = new RoleSid(Sid.Format(Prefix, value));
        return true;
    }

    /// <summary>Whether the role is empty.</summary>
    public bool IsEmpty => string.IsNullOrEmpty(_text);

    /// <inheritdoc/>
    public override string ToString() => _text ?? "";
}
