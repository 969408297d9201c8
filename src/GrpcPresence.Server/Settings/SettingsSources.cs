namespace GrpcPresence.Server.Settings;

/// <summary>Where settings come from; the later wins: the file beside the program, the environment (<c>PRESENCE__PORT</c>), the command line.</summary>
internal static class SettingsSources
{
    private const string FileName = "appsettings.json";

    /// <summary>Reads all sources.</summary>
    /// <exception cref="SettingsException">The file or the command line cannot be understood.</exception>
    public static IConfigurationRoot Load(IReadOnlyList<string> arguments)
    {
        try
        {
            return new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, FileName), optional: true)
                .AddEnvironmentVariables()
                .AddInMemoryCollection(CommandLine.Read(arguments))
                .Build();
        }
        catch (InvalidDataException fault)
        {
            throw new SettingsException($"{FileName} cannot be read: {(fault.InnerException ?? fault).Message.ReplaceLineEndings(" ")}");
        }
    }
}
