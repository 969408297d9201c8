namespace GrpcPresence.Server.Settings;

/// <summary>Checks the section <c>Logging</c>. The framework reads it, but throws its own exception type for an unknown level.</summary>
internal static class LogLevels
{
    private const string Section = "Logging";
    private const string Level = "LogLevel";

    private static readonly string[] Names = Enum.GetNames<LogLevel>();

    /// <summary>Returns a line for each unknown level.</summary>
    public static IEnumerable<string> FindInvalid(IConfiguration configuration)
    {
        var logging = configuration.GetSection(Section);
        // Levels apply to all providers (Logging:LogLevel:Category) or to one (Logging:Console:LogLevel:Category).
        return from levels in logging.GetChildren().Select(child => child.GetSection(Level)).Prepend(logging.GetSection(Level))
               from level in levels.GetChildren()
               where level.Value is not null && !Names.Contains(level.Value, StringComparer.OrdinalIgnoreCase)
               select $"{level.Path} \"{level.Value}\" is invalid. It must be {string.Join(", ", Names.SkipLast(1))} or {Names[^1]}.";
    }
}
