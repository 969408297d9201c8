using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Users;

/// <summary>The SID of a user: "US" and 32 hexadecimal digits.</summary>
/// <param name="Value">The 128 bits behind the prefix.</param>
public readonly record struct UserSid(UInt128 Value)
{
    /// <summary>The prefix.</summary>
    public const string Prefix = "US";

    /// <summary>Parses the text; returns false when it does not have the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out UserSid sid)
    {
        var parsed = Sid.TryParse(text, Prefix, out var value);
        sid = new UserSid(value);
        return parsed;
    }

    /// <inheritdoc/>
    public override string ToString() => Sid.Format(Prefix, Value);
}
