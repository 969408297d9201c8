using GrpcPresence.Server.Settings.Attributes;

namespace GrpcPresence.Server.Settings;

/// <summary>One setting, as <see cref="ServerSettings"/> declares it.</summary>
/// <param name="Name">The name below <see cref="ServerSettings.Section"/>, such as <c>Port</c> or <c>Quotas:ApiKey:OpenStreams</c>.</param>
/// <param name="Declaration">What the setting does, and how to parse its text.</param>
/// <param name="Get">Reads the property.</param>
/// <param name="Set">Writes the property.</param>
internal sealed record Setting(
    string Name, SettingAttribute Declaration, Func<ServerSettings, object?> Get, Action<ServerSettings, object?> Set)
{
    /// <summary>The key in the configuration.</summary>
    public string Key => $"{ServerSettings.Section}:{Name}";

    /// <summary>The environment variable.</summary>
    public string EnvironmentVariable => Key.Replace(":", "__", StringComparison.Ordinal).ToUpperInvariant();

    /// <summary>The default, as a user would write it.</summary>
    public string Default => Declaration.Default ?? Declaration.Write(Get(new ServerSettings()));
}
