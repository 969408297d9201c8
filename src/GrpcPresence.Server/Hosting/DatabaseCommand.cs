using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Sqlite;

namespace GrpcPresence.Server.Hosting;

/// <summary>
/// The subcommands on the database: <c>backup FILE</c>, also while a server runs on it, and <c>restore FILE</c>, while none does. The other settings
/// are those of the server, so that both mean the same database.
/// </summary>
internal static class DatabaseCommand
{
    private const string Backup = "backup";
    private const string Restore = "restore";

    /// <summary>Whether the arguments are those of a subcommand.</summary>
    public static bool IsNamed(IReadOnlyList<string> arguments) => arguments is [Backup or Restore, ..];

    /// <summary>Carries the subcommand out.</summary>
    /// <exception cref="SettingsException">The file is not named, or a setting cannot be used.</exception>
    /// <exception cref="DatabaseRefusedException">A file cannot be taken, or must not be overwritten.</exception>
    /// <exception cref="Core.Errors.StorageException">A file cannot be read or written now.</exception>
    public static async Task RunAsync(IReadOnlyList<string> arguments, TextWriter output)
    {
        var command = arguments[0];
        if (arguments.Count < 2 || arguments[1].StartsWith('-'))
            throw new SettingsException($"{command} needs the path of the backup: {command} FILE [options].");
        var file = Path.GetFullPath(arguments[1]);
        var settings = SettingsReader.Read(SettingsSources.Load([.. arguments.Skip(2)]));
        if (command == Backup)
        {
            SqliteBackup.Backup(settings.Database, file);
            await output.WriteLineAsync($"Backed up {settings.Database} to {file}.");
        }
        else
        {
            SqliteBackup.Restore(file, settings.Database);
            await output.WriteLineAsync($"Restored {settings.Database} from {file}. Resume tokens of what was lost since the backup are answered with a snapshot.");
        }
    }
}
