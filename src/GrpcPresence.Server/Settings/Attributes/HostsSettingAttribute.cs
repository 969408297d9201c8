namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>Names of hosts.</summary>
internal sealed class HostsSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override bool IsList => true;

    /// <inheritdoc/>
    public override string Form =>
        "comma-separated host names and addresses such as presence,presence.example, without a port; or * for all, or empty for none";

    /// <inheritdoc/>
    public override string Placeholder => "HOST,…|*";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text.Length == 0 ? null : AllowedHosts.Read(text);
        return text.Length == 0 || value is not null;
    }
}
