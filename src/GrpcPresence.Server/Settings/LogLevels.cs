namespace GrpcPresence.Server.Settings;

/// <summary>
/// Checks the section <c>Logging</c>. The framework reads it, but throws its own exception type for an unknown level, and ignores other
/// names.
/// </summary>
internal static class LogLevels
{
    private const string Section = "Logging";
    private const string Level = "LogLevel";

    private static readonly string[] Names = Enum.GetNames<LogLevel>();

    /// <summary>Returns a line for each value that is not a level of a category.</summary>
    public static IEnumerable<string> FindInvalid(IConfiguration configuration)
    {
        var logging = configuration.GetSection(Section);
        if (!string.IsNullOrEmpty(logging.Value))
            yield return Unknown(Section);
        foreach (var (path, value) in logging.AsEnumerable(makePathsRelative: true))
        {
            // An object or a list has no value of its own, and an empty list an empty one.
            var isGroup = logging.GetSection(path).GetChildren().Any();
            if (!IsLevel(path))
            {
                if (!string.IsNullOrEmpty(value))
                    yield return Unknown($"{Section}:{path}");
            }
            else if (!isGroup && !Names.Contains(value, StringComparer.OrdinalIgnoreCase))
            {
                var names = $"{string.Join(", ", Names.SkipLast(1))} or {Names[^1]}";
                yield return $"{Section}:{path} \"{value}\" is invalid. It must be {names}.";
            }
        }
    }

    // The formatter and the queue of the console are not settings: LogFormat decides the one, and the server bounds the other.
    private static string Unknown(string name) => $"{name} is unknown. The section only contains {Section}:{Level}:CATEGORY, or "
        + $"{Section}:Console:{Level}:CATEGORY.";

    // Levels apply to all providers (Logging:LogLevel:Category) or to one (Logging:Console:LogLevel:Category).
    private static bool IsLevel(string path)
    {
        var parts = path.Split(':');
        return parts.Length switch
        {
            2 => IsLevels(parts[0]),
            3 => IsLevels(parts[1]) && !IsLevels(parts[0]),
            _ => false,
        };
    }

    private static bool IsLevels(string part) => part.Equals(Level, StringComparison.OrdinalIgnoreCase);
}
