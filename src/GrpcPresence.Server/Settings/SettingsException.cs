namespace GrpcPresence.Server.Settings;

/// <summary>The program cannot run with its settings. The message has one line for each violation and is all that the user sees.</summary>
internal sealed class SettingsException(string message) : Exception(message)
{
    /// <summary>Reports a setting whose value turned out to be unusable, beyond its form.</summary>
    /// <param name="property">The property of <see cref="ServerSettings"/>.</param>
    /// <param name="value">The value.</param>
    /// <param name="rule">What is wrong, as a predicate: "must be a port that no other program listens on".</param>
    public static SettingsException For(string property, string? value, string rule) =>
        new($"{SettingsCatalog.Get(property).Key} {rule}, and is \"{value}\".");

    /// <summary>Describes a value that does not have the form of its setting.</summary>
    public static string Describe(Setting setting, string text) => setting.Declaration.IsSecret
        ? $"{setting.Key} must be {setting.Declaration.Form}."
        : $"{setting.Key} must be {setting.Declaration.Form}, and is \"{text}\".";
}
