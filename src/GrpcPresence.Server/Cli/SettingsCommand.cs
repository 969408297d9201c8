using System.CommandLine;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Cli;

/// <summary>Prints the documentation of the settings.</summary>
internal static class SettingsCommand
{
    /// <summary>Creates <c>settings</c>.</summary>
    public static Command Create(TextWriter output)
    {
        var command = new Command("settings", "Prints every setting with its default, in the format of docs/configuration.md.");
        command.SetAction((_, _) => output.WriteAsync(ConfigurationPage.Write()));
        return command;
    }
}
