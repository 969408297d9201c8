namespace GrpcPresence.Server.Settings;

/// <summary>The program cannot run as it is set up. The message is one line that names the setting; it is all that is shown.</summary>
internal sealed class SettingsException(string message) : Exception(message)
{
    /// <summary>A setting has a value that cannot be used.</summary>
    public static SettingsException For(string name, string? value, string rule) =>
        new($"{ServerSettings.Section}:{name} {rule}, and is \"{value}\".");
}
