namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>The networks of trusted proxies.</summary>
internal sealed class NetworksSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override bool IsList => true;

    /// <inheritdoc/>
    public override string Form => "comma-separated addresses and networks such as 127.0.0.1,10.0.0.0/8,fd00::/8, or empty for none";

    /// <inheritdoc/>
    public override string Placeholder => "NETWORK,…";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text.Length == 0 ? null : TrustedNetworks.Read(text);
        return text.Length == 0 || value is not null;
    }
}
