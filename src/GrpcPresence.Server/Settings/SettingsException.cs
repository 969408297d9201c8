using GrpcPresence.Core.Domain;

namespace GrpcPresence.Server.Settings;

/// <summary>
/// Reports settings that the program cannot run with. The message has one line per violation and is all that the user sees.
/// </summary>
internal sealed class SettingsException(string message) : Exception(message)
{
    /// <summary>Reports a value that has the right format but cannot be used.</summary>
    /// <param name="property">The property of <see cref="ServerSettings"/>.</param>
    /// <param name="value">The value.</param>
    /// <param name="problem">
    /// The problem and its solution, without the last full stop: "is in use by another program. Choose a free port".
    /// </param>
    public static SettingsException For(string property, string? value, string problem) =>
        new(OneLine($"{SettingsCatalog.Get(property).Key} \"{value}\" {problem}."));

    /// <summary>Makes one line of a text that contains a value: a value may contain line breaks.</summary>
    public static string OneLine(string text) => VisibleText.Of(text);

    /// <summary>Describes a value with the wrong format.</summary>
    public static string Describe(Setting setting, string text) => setting.Declaration.IsSecret
        ? $"{setting.Key} is invalid. It must be {setting.Declaration.Form}."
        : $"{setting.Key} \"{text}\" is invalid. It must be {setting.Declaration.Form}.";
}
