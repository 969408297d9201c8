using System.CommandLine;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Cli;

/// <summary>Defines the commands of the program and their options.</summary>
internal static class CommandTree
{
    private const string Description = """
        GrpcPresence: a multi-tenant presence service over gRPC and REST. Without a command, it runs the server.

        An option sets a setting. A setting may also be given in appsettings.json beside the program, or in an environment variable such as
        PRESENCE__PORT. The command line takes precedence over the environment, and the environment over the file.
        docs/configuration.md lists all settings; the command settings prints the same page.

        Exit codes: 0 success, 1 failure, 2 invalid command line or setting, 3 unusable database.
        """;

    /// <summary>
    /// Creates the commands. They write their results to <paramref name="output"/>, and remarks to <paramref name="error"/>. <paramref
    /// name="beforeServing"/> runs before the server is built.
    /// </summary>
    public static RootCommand Create(Action<IServiceCollection> addDomain, TextWriter output, TextWriter error, Action? beforeServing)
    {
        var options = new SettingOptions();
        var root = new RootCommand(Description);
        root.Options.OfType<VersionOption>().Single().Recursive = true;

        var serve = new Command("serve", "Runs the server until it receives a signal to stop. This is the default.");
        foreach (var command in new[] { root, serve })
        {
            options.AddTo(command, SettingsCatalog.Server);
            command.SetAction((result, _) => ServeCommand.RunAsync(options.Read(result), addDomain, output, beforeServing));
        }
        root.Add(serve);
        root.Add(KeysCommand.Create(options, addDomain, output, error));
        root.Add(DatabaseCommands.CreateBackup(options, output));
        root.Add(DatabaseCommands.CreateRestore(options, output));
        root.Add(ImportCommand.Create(options, output));
        root.Add(SettingsCommand.Create(output));
        root.Add(CompletionCommand.Create(output));
        return root;
    }
}
