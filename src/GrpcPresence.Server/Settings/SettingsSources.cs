namespace GrpcPresence.Server.Settings;

/// <summary>The sources of settings. A later one wins: the file beside the program, environment variables, the command line.</summary>
internal static class SettingsSources
{
    private const string FileName = "appsettings.json";

    /// <summary>Reads all sources.</summary>
    /// <param name="commandLine">The settings that the command line gives, by their keys.</param>
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
            throw new SettingsException($"{FileName} cannot be read: {cause.Message.ReplaceLineEndings(" ")}");
        }
    }
}
