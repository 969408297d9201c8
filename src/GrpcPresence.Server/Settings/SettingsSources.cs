namespace GrpcPresence.Server.Settings;

/// <summary>
/// The sources of settings, in order: the file beside the program, environment variables, the command line. A later source takes
/// precedence.
/// </summary>
internal static class SettingsSources
{
    private const string FileName = "appsettings.json";

    /// <summary>Reads all sources.</summary>
    /// <param name="commandLine">The settings given on the command line, by key.</param>
    /// <param name="directory">The directory of the file; by default that of the program.</param>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static IConfigurationRoot Load(IEnumerable<KeyValuePair<string, string?>> commandLine, string? directory = null)
    {
        var path = Path.Combine(directory ?? AppContext.BaseDirectory, FileName);
        // A link that leads nowhere exists as a file, but has no content. Reading a pipe or a device may never end.
        var file = new FileInfo(path);
        var isThere = file.Exists || file.LinkTarget is not null || Directory.Exists(path);
        if (isThere && OperatingSystem.IsLinux() && FileKinds.Of(path) != FileKind.Plain)
            throw new SettingsException($"{FileName} cannot be read, because {path} is not a file. Correct or remove it.");
        try
        {
            return new ConfigurationBuilder()
                .AddJsonFile(path, optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(commandLine)
                .Build();
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            var cause = exception.InnerException ?? exception;
            throw new SettingsException($"{FileName} cannot be read. Correct or remove it: {cause.Message.ReplaceLineEndings(" ")}");
        }
    }
}
