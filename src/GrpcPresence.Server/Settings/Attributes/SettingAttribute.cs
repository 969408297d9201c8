namespace GrpcPresence.Server.Settings.Attributes;

/// <summary>
/// Declares a property of <see cref="ServerSettings"/> as a setting. The attribute is the only place that names the command-line option,
/// describes the setting and reads its text. The command line, the reader of the configuration and docs/configuration.md are derived from
/// it.
/// </summary>
/// <param name="summary">What the setting does, as a sentence without the full stop.</param>
[AttributeUsage(AttributeTargets.Property)]
internal abstract class SettingAttribute(string summary) : Attribute
{
    /// <summary>What the setting does, as a sentence without the full stop.</summary>
    public string Summary => summary;

    /// <summary>The command-line option, with its dashes; null where only <c>--set</c> reaches the setting.</summary>
    public string? Option { get; init; }

    /// <summary>An option without a value that stands for <see cref="ShorthandValue"/>; null when the setting has no shorthand.</summary>
    public string? Shorthand { get; init; }

    /// <summary>The value that <see cref="Shorthand"/> stands for.</summary>
    public string? ShorthandValue { get; init; }

    /// <summary>The default as the documentation shows it; null to show the default of the property.</summary>
    public string? Default { get; init; }

    /// <summary>Whether the option is a flag without a value.</summary>
    public virtual bool IsFlag => false;

    /// <summary>Whether a file may give the value as an array, whose entries are joined with commas.</summary>
    public virtual bool IsList => false;

    /// <summary>Whether messages must not include the value.</summary>
    public virtual bool IsSecret => false;

    /// <summary>The format of a value; completes "must be".</summary>
    public abstract string Form { get; }

    /// <summary>The placeholder for the value in <c>--help</c>.</summary>
    public abstract string Placeholder { get; }

    /// <summary>The values that a shell suggests; empty where any text of the form is valid.</summary>
    public virtual IReadOnlyList<string> Choices => [];

    /// <summary>Parses a value.</summary>
    /// <param name="text">The text of the configuration.</param>
    /// <param name="value">The value, of the property's type; null where the property allows null.</param>
    /// <returns>Whether the text has the <see cref="Form"/>.</returns>
    public abstract bool TryRead(string text, out object? value);

    /// <summary>Whether the text contains a secret. The command line must not: other users of the machine can read it.</summary>
    public virtual bool HasSecret(string text) => IsSecret;

    /// <summary>Formats a value as a user would write it.</summary>
    public virtual string Write(object? value) => value?.ToString() ?? "none";
}
