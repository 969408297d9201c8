namespace GrpcPresence.Server.Settings;

/// <summary>
/// Checks the section <c>Logging</c>. The framework reads it, and throws a type of its own for a level that it does not know.
/// </summary>
internal static class LogLevels
{
    private const string Section = "Logging";
    private const string Level = "LogLevel";

    private static readonly string[] Names = Enum.GetNames<LogLevel>();

    /// <summary>Returns a line for each level that does not exist.</summary>
    public static IEnumerable<string> FindInvalid(IConfiguration configuration)
    {
        var logging = configuration.GetSection(Section);
        // For all providers, or for one of them: Logging:LogLevel:Category and Logging:Console:LogLevel:Category.
        return from levels in logging.GetChildren().Select(child => child.GetSection(Level)).Prepend(logging.GetSection(Level))
               from level in levels.GetChildren()
               where level.Value is not null && !Names.Contains(level.Value, StringComparer.OrdinalIgnoreCase)
               select $"{level.Path} must be {string.Join(", ", Names.SkipLast(1))} or {Names[^1]}, and is \"{level.Value}\".";
    }
}
