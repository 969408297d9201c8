using System.Text.RegularExpressions;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>The name of a cluster.</summary>
internal sealed partial class ClusterIdSettingAttribute(string summary) : SettingAttribute(summary)
{
    /// <inheritdoc/>
    public override string Form => "1 to 64 letters, digits, dots, hyphens or underscores";

    /// <inheritdoc/>
    public override string Placeholder => "TEXT";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = text;
        return Pattern().IsMatch(text);
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex Pattern();
}
