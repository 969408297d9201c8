using System.CommandLine;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Sqlite.Files;

namespace GrpcPresence.Server.Cli;

/// <summary>The commands that copy the database. They accept the settings of the server, so that they find the same database.</summary>
internal static class DatabaseCommands
{
    private static readonly IReadOnlyCollection<Setting> Shown = [SettingsCatalog.Get(nameof(ServerSettings.Database))];

    /// <summary>Creates <c>backup</c>, which also works while a server uses the database.</summary>
    public static Command CreateBackup(SettingOptions options, TextWriter output) => Create(
        options,
        "backup",
        "Copies the database to the new file FILE. This also works while a server is running.",
        async (settings, file) =>
        {
            SqliteBackup.Backup(settings.Database, file);
            await output.WriteLineAsync($"Backed up {settings.Database} to {file}.");
        });

    /// <summary>Creates <c>restore</c>, which requires exclusive access to the database.</summary>
    public static Command CreateRestore(SettingOptions options, TextWriter output) => Create(
        options,
        "restore",
        "Replaces the database with the backup FILE. Stop the server first.",
        async (settings, file) =>
        {
            SqliteBackup.Restore(file, settings.Database);
            await output.WriteLineAsync(
                $"Restored {settings.Database} from {file}. Watches whose resume tokens are newer than the backup receive a new snapshot.");
        });

    private static Command Create(SettingOptions options, string name, string description, Func<ServerSettings, string, Task> copyAsync)
    {
        var file = new Argument<string>("FILE") { Description = "The path of the backup." };
        var command = new Command(name, description);
        command.Add(file);
        options.AddTo(command, Shown);
        command.SetAction(async (result, _) =>
        {
            var settings = SettingsReader.Read(SettingsSources.Load(options.Read(result)));
            if (settings.Postgres is not null)
                throw OfPostgres(name);
            await copyAsync(settings, Path.GetFullPath(result.GetRequiredValue(file)));
        });
        return command;
    }

    private static SettingsException OfPostgres(string name) => new(
        $"{name} copies a SQLite database. For PostgreSQL, use its own tools, pg_dump or pg_basebackup; docs/postgres.md says how.");
}
