using System.Globalization;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>A duration with a lower and an upper bound.</summary>
/// <param name="summary">What the setting does.</param>
/// <param name="min">The lower bound, as <c>[d.]hh:mm:ss</c>.</param>
/// <param name="max">The upper bound, as <c>[d.]hh:mm:ss</c>.</param>
internal sealed class DurationSettingAttribute(string summary, string min, string max) : SettingAttribute(summary)
{
    private readonly TimeSpan _min = TimeSpan.Parse(min, CultureInfo.InvariantCulture);
    private readonly TimeSpan _max = TimeSpan.Parse(max, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override string Form => $"a duration from {min} to {max}, written [days.]hours:minutes:seconds";

    /// <inheritdoc/>
    public override string Placeholder => "[D.]HH:MM:SS";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = null;
        // TimeSpan reads a bare number as days, but an operator who writes "30" means seconds.
        if (!text.Contains(':', StringComparison.Ordinal)
            || !TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var duration) || duration < _min || duration > _max)
        {
            return false;
        }
        value = duration;
        return true;
    }
}
