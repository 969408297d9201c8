using System.Globalization;

namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>A whole number, or null when the text is <see cref="Off"/>.</summary>
internal sealed class IntegerSettingAttribute(string summary, int min, int max) : SettingAttribute(summary)
{
    /// <summary>The word that stands for null; null where a number is required.</summary>
    public string? Off { get; init; }

    /// <inheritdoc/>
    public override string Form =>
        string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}") + (Off is null ? "" : $", or {Off}");

    /// <inheritdoc/>
    public override string Placeholder => Off is null ? "NUMBER" : $"NUMBER|{Off}";

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        value = null;
        if (Off is not null && text.Equals(Off, StringComparison.OrdinalIgnoreCase))
            return true;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < min || number > max)
            return false;
        value = number;
        return true;
    }

    /// <inheritdoc/>
    public override string Write(object? value) => value is null ? Off! : string.Create(CultureInfo.InvariantCulture, $"{value}");
}
