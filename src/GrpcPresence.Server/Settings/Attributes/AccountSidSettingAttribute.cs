using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>An account SID: <c>AC</c> and 32 hexadecimal digits.</summary>
internal sealed class AccountSidSettingAttribute(string summary) : SettingAttribute(summary)
{
    private const string Prefix = "AC";

    /// <inheritdoc/>
    public override string Form => $"{Prefix} and 32 hexadecimal digits";

    /// <inheritdoc/>
    public override string Placeholder => $"{Prefix}…";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text;
        return Sid.TryParse(text, Prefix, out _);
    }
}
