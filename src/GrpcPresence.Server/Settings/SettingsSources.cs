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
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static IConfigurationRoot Load(IEnumerable<KeyValuePair<string, string?>> commandLine)
    {
        try
        {
            return new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, FileName), optional: true)
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
