using System.Diagnostics.CodeAnalysis;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The SID of a service instance: "IS" and 32 hexadecimal digits.</summary>
/// <param name="Value">The 128 bits behind the prefix.</param>
public readonly record struct ServiceSid(UInt128 Value)
{
    /// <summary>The prefix.</summary>
    public const string Prefix = "IS";

    /// <summary>Parses the text; returns false when it does not have the form.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ServiceSid sid)
    {
        var parsed = Sid.TryParse(text, Prefix, out var value);
        sid = new ServiceSid(value);
        return parsed;
    }

    /// <inheritdoc/>
    public override string ToString() => Sid.Format(Prefix, Value);
}
