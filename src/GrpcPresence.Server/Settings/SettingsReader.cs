namespace GrpcPresence.Server.Settings;

/// <summary>Reads the settings from the configuration and reports everything that is wrong with them at once, one line each.</summary>
internal static class SettingsReader
{
    private const string SecretFileEnding = ".secret";
    private const string SocketEnding = ".sock";

    /// <summary>Returns the settings; what is not set has its default.</summary>
    /// <exception cref="SettingsException">A setting is unknown, a value does not have its form, or settings contradict each
    /// other.</exception>
    public static ServerSettings Read(IConfiguration configuration)
    {
        var section = configuration.GetSection(ServerSettings.Section);
        var settings = new ServerSettings();
        var violations = FindUnknown(section).ToList();
        foreach (var setting in SettingsCatalog.All)
        {
            if (FindText(section, setting) is not { } text)
                continue;
            if (setting.Declaration.TryRead(text, out var value))
                setting.Set(settings, value);
            else
                violations.Add(SettingsException.Describe(setting, text));
        }
        if (violations.Count > 0)
            throw new SettingsException(string.Join(Environment.NewLine, violations));
        TlsConsistency.Check(settings);
        return WithDerivedPaths(settings, section);
    }

    private static string? FindText(IConfigurationSection section, Setting setting)
    {
        var entries = setting.Declaration.IsList ? section.GetSection(setting.Name).GetChildren().ToList() : [];
        return entries.Count > 0 ? string.Join(',', entries.Select(entry => entry.Value)) : section[setting.Name];
    }

    /// <summary>The secret file and the socket stand beside the database unless the configuration says where.</summary>
    private static ServerSettings WithDerivedPaths(ServerSettings settings, IConfigurationSection section)
    {
        if (section[nameof(ServerSettings.SecretFile)] is null)
            settings = settings with { SecretFile = settings.Database + SecretFileEnding };
        // A path that is too long for a socket is no error where nobody asked for the socket.
        var socket = SettingsCatalog.Get(nameof(ServerSettings.OperatorSocket));
        if (section[socket.Name] is null && socket.Declaration.TryRead(settings.Database + SocketEnding, out var path))
        {
            settings = settings with { OperatorSocket = (string?)path };
        }
        return settings;
    }

    /// <summary>Finds values below the section that no setting reads, so that a misspelled name does not pass in silence.</summary>
    private static IEnumerable<string> FindUnknown(IConfigurationSection section)
    {
        if (!string.IsNullOrEmpty(section.Value))
            yield return $"{section.Path} holds settings and takes no value.";
        foreach (var (path, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is null || SettingsCatalog.All.Any(setting => Reads(setting, path)))
                continue;
            // An empty object or array of JSON is an empty value.
            var isGroup = SettingsCatalog.All.Any(setting => setting.Name.StartsWith(path + ':', StringComparison.OrdinalIgnoreCase));
            if (isGroup && value.Length == 0)
                continue;
            var group = path.Contains(':', StringComparison.Ordinal) ? path[..path.LastIndexOf(':')] : "";
            yield return isGroup
                ? $"{section.Path}:{path} holds settings and takes no value."
                : $"{section.Path}:{path} is unknown. Valid settings: {string.Join(", ", NamesBelow(group))}.";
        }
    }

    private static bool Reads(Setting setting, string path) =>
        setting.Name.Equals(path, StringComparison.OrdinalIgnoreCase)
        || (setting.Declaration.IsList && path.StartsWith(setting.Name + ':', StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<string> NamesBelow(string group)
    {
        var prefix = group.Length == 0 ? "" : group + ':';
        var below = SettingsCatalog.All.Where(setting => setting.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        // A misspelled group has nothing below it.
        if (below.Count == 0)
            (prefix, below) = ("", [.. SettingsCatalog.All]);
        return below.Select(setting => setting.Name[prefix.Length..].Split(':')[0]).Distinct();
    }
}
