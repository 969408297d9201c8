using System.CommandLine;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Cli;

/// <summary>The command that prints the documentation of the settings.</summary>
internal static class SettingsCommand
{
    /// <summary>Creates <c>settings</c>.</summary>
    public static Command Create(TextWriter output)
    {
        var command = new Command("settings", "Prints every setting with its default, as docs/configuration.md has them.");
        command.SetAction((_, _) => output.WriteAsync(ConfigurationPage.Write()));
        return command;
    }
}
