using System.Globalization;

namespace GrpcPresence.Server.Settings;

/// <summary>Reads the settings from the configuration and reports all violations at once, one line each.</summary>
internal static class SettingsReader
{
    private const string SecretFileEnding = ".secret";
    private const string SocketEnding = ".sock";

    // Where the secret file and the socket are if no file of a database gives them their place.
    private static readonly string PathWithoutFile = Path.GetFullPath("data/presence");

    private static readonly string TwoDatabases =
        $"{SettingsCatalog.Get(nameof(ServerSettings.Postgres)).Key} and {SettingsCatalog.Get(nameof(ServerSettings.Database)).Key} each "
        + "name a database. Remove one of them.";

    /// <summary>Returns the settings. A setting without a value has its default.</summary>
    /// <exception cref="SettingsException">
    /// A setting is unknown, a value has the wrong format, or settings contradict each other.
    /// </exception>
    public static ServerSettings Read(IConfigurationRoot configuration)
    {
        var section = configuration.GetSection(ServerSettings.Section);
        var settings = new ServerSettings();
        var violations = FindUnknown(section).ToList();
        var invalid = new HashSet<string>();
        foreach (var setting in SettingsCatalog.All)
        {
            if (FindText(configuration, setting) is not { } text)
            {
                // A file may contain null or {}. The operator meant something by it, and the default may not be that.
                if (configuration.Providers.Any(source => source.TryGet(setting.Key, out _)))
                    violations.Add($"{setting.Key} has no value. It must be {setting.Declaration.Form}. Remove it to use the default.");
                continue;
            }
            if (setting.Declaration.TryRead(text, out var value))
                setting.Set(settings, value);
            else if (invalid.Add(setting.Name))
                violations.Add(SettingsException.Describe(setting, text));
        }
        violations.AddRange(LogLevels.FindInvalid(configuration));
        violations.AddRange(TlsConsistency.FindContradictions(settings));
        // What another setting would be without its mistake is unknown.
        if (!invalid.Overlaps([nameof(ServerSettings.NodeAddress), nameof(ServerSettings.ClusterId), nameof(ServerSettings.Postgres)]))
            violations.AddRange(ClusterConsistency.FindContradictions(settings, name => section[name] is not null));
        if (settings.Postgres is not null && section[nameof(ServerSettings.Database)] is not null)
            violations.Add(TwoDatabases);
        if (violations.Count > 0)
            throw new SettingsException(string.Join(Environment.NewLine, violations.Select(SettingsException.OneLine)));
        return WithDerivedPaths(settings, section);
    }

    private static string? FindText(IConfigurationRoot configuration, Setting setting)
    {
        if (!setting.Declaration.IsList)
            return configuration[setting.Key];
        // Read source by source, so that a text on the command line takes precedence over an array in a file.
        foreach (var source in configuration.Providers.Reverse())
        {
            if (source.TryGet(setting.Key, out var text) && text is not null)
                return text;
            var entries = source.GetChildKeys([], setting.Key).Distinct().Where(IsIndex).ToList();
            if (entries.Count > 0)
                return string.Join(',', entries.Select(entry => source.TryGet($"{setting.Key}:{entry}", out var value) ? value : ""));
        }
        return null;
    }

    /// <summary>The secret file and the socket are beside the database unless the configuration gives their paths.</summary>
    private static ServerSettings WithDerivedPaths(ServerSettings settings, IConfigurationSection section)
    {
        var database = settings.Postgres is null ? settings.Database : PathWithoutFile;
        if (section[nameof(ServerSettings.SecretFile)] is null)
            settings = settings with { SecretFile = database + SecretFileEnding };
        // A default path that is too long for a socket is not an error, because the user did not ask for the socket.
        var socket = SettingsCatalog.Get(nameof(ServerSettings.AdminSocket));
        if (section[socket.Name] is null && socket.Declaration.TryRead(database + SocketEnding, out var path))
        {
            settings = settings with { AdminSocket = (string?)path };
        }
        return settings;
    }

    /// <summary>Finds values in the section that no setting reads, so that a misspelled name is reported.</summary>
    private static IEnumerable<string> FindUnknown(IConfigurationSection section)
    {
        if (!string.IsNullOrEmpty(section.Value))
            yield return $"{section.Path} is a group of settings and has no value of its own. Set {section.Path}:NAME instead.";
        var entries = section.AsEnumerable(makePathsRelative: true).ToList();
        var reported = new HashSet<Setting>();
        foreach (var (path, value) in entries)
        {
            if (SettingsCatalog.All.FirstOrDefault(setting => IsAtOrBelow(path, setting)) is { } setting)
            {
                if (!Reads(setting, path, value) && reported.Add(setting))
                    yield return $"{section.Path}:{path} is unknown. {setting.Key} must be {setting.Declaration.Form}.";
                continue;
            }
            // A JSON object has no value of its own; an empty object or an array has an empty value.
            var isGroup = SettingsCatalog.All.Any(setting => setting.Name.StartsWith(path + ':', StringComparison.OrdinalIgnoreCase));
            var hasChildren = entries.Exists(entry => entry.Key.StartsWith(path + ':', StringComparison.OrdinalIgnoreCase));
            if (string.IsNullOrEmpty(value) && (isGroup || hasChildren))
                continue;
            var group = path.Contains(':', StringComparison.Ordinal) ? path[..path.LastIndexOf(':')] : "";
            yield return isGroup
                ? $"{section.Path}:{path} is a group of settings and has no value of its own. Set {section.Path}:{path}:NAME instead."
                : $"{section.Path}:{path} is unknown. Valid settings: {string.Join(", ", NamesBelow(group))}.";
        }
    }

    private static bool IsAtOrBelow(string path, Setting setting) =>
        setting.Name.Equals(path, StringComparison.OrdinalIgnoreCase)
        || path.StartsWith(setting.Name + ':', StringComparison.OrdinalIgnoreCase);

    private static bool Reads(Setting setting, string path, string? value) =>
        path.Length == setting.Name.Length
        || (setting.Declaration.IsList && value is not null && IsIndex(path[(setting.Name.Length + 1)..]));

    // An array in a file has a number for the name of each of its values.
    private static bool IsIndex(string name) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static IEnumerable<string> NamesBelow(string group)
    {
        var prefix = group.Length == 0 ? "" : group + ':';
        var below = SettingsCatalog.All.Where(setting => setting.Name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        // A misspelled group has no settings below it.
        if (below.Count == 0)
            (prefix, below) = ("", [.. SettingsCatalog.All]);
        return below.Select(setting => setting.Name[prefix.Length..].Split(':')[0]).Distinct();
    }
}
