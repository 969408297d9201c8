namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>True or false.</summary>
internal sealed class FlagSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override bool IsFlag => true;

    /// <inheritdoc/>
    public override string Form => "true or false";

    /// <inheritdoc/>
    public override string Placeholder => "true|false";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        var isFlag = bool.TryParse(text, out var flag);
        value = flag;
        return isFlag;
    }

    /// <inheritdoc/>
    public override string Write(object? value) => value is true ? "true" : "false";
}
