namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>The origins of web pages.</summary>
internal sealed class OriginsSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override bool IsList => true;

    /// <inheritdoc/>
    public override string Form =>
        "comma-separated origins such as https://a.example,http://localhost:8080, without a path or the scheme's default port; or * "
        + "for all, or empty for none";

    /// <inheritdoc/>
    public override string Placeholder => "ORIGIN,…|*";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text.Length == 0 ? null : AllowedOrigins.Read(text);
        return text.Length == 0 || value is not null;
    }
}
