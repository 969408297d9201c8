namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>One of the names of an enum, in lower case.</summary>
/// <typeparam name="TEnum">The type of the property.</typeparam>
internal sealed class ChoiceSettingAttribute<TEnum>(string summary) : SettingAttribute(summary)
    where TEnum : struct, Enum
{
    private static readonly string[] Names = [.. Enum.GetNames<TEnum>().Select(name => name.ToLowerInvariant())];

    /// <inheritdoc/>
    public override string Form => string.Join(", ", Names.SkipLast(1)) + " or " + Names[^1];

    /// <inheritdoc/>
    public override string Placeholder => string.Join('|', Names);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Choices => Names;

    /// <inheritdoc/>
    public override bool TryRead(string text, out object? value)
    {
        // Enum.TryParse would also accept numbers and lists.
        var index = Array.FindIndex(Names, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
        value = index < 0 ? null : Enum.GetValues<TEnum>()[index];
        return index >= 0;
    }

    /// <inheritdoc/>
    public override string Write(object? value) => $"{value}".ToLowerInvariant();
}
