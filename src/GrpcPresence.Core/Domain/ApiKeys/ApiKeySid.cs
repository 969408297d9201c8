using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>The SID of an API key: "SK" and 32 hexadecimal digits.</summary>
/// <param name="Value">The 128 bits behind the prefix.</param>
public readonly record struct ApiKeySid(UInt128 Value)
{
    /// <summary>The prefix.</summary>
    public const string Prefix = "SK";

    /// <summary>Parses the text; returns false when it does not have the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ApiKeySid sid)
    {
        var parsed = Sid.TryParse(text, Prefix, out var value);
        sid = new ApiKeySid(value);
        return parsed;
    }

    /// <inheritdoc/>
    public override string ToString() => Sid.Format(Prefix, Value);
}
