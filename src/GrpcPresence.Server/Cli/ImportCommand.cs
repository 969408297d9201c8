using System.CommandLine;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Import;
using GrpcPresence.Storage.Postgres.Store;

namespace GrpcPresence.Server.Cli;

/// <summary>The command <c>import</c>: takes a SQLite database over into an empty PostgreSQL database.</summary>
internal static class ImportCommand
{
    private const string SecretFileEnding = ".secret";

    private static readonly IReadOnlyCollection<Setting> Shown =
        [SettingsCatalog.Get(nameof(ServerSettings.Postgres)), SettingsCatalog.Get(nameof(ServerSettings.SecretFile))];

    /// <summary>Creates <c>import</c>.</summary>
    public static Command Create(SettingOptions options, TextWriter output)
    {
        var file = new Argument<string>("FILE") { Description = "The SQLite database. Stop its server first." };
        var command = new Command(
            "import", "Copies the SQLite database FILE, with all keys and revisions, into the empty database of --postgres.");
        command.Add(file);
        options.AddTo(command, Shown);
        command.SetAction(async (result, cancellationToken) =>
        {
            var settings = SettingsReader.Read(SettingsSources.Load(options.Read(result)));
            var imported = await RunAsync(settings, Path.GetFullPath(result.GetRequiredValue(file)), cancellationToken);
            await output.WriteLineAsync(imported);
        });
        return command;
    }

    private static async Task<string> RunAsync(ServerSettings settings, string file, CancellationToken cancellationToken)
    {
        if (settings.Postgres is not { } postgres)
            throw new SettingsException($"import fills a PostgreSQL database. Name it with {nameof(ServerSettings.Postgres)}.");
        if (File.Exists(file + SecretFileEnding))
            new SecretFile(settings).TakeOver(file + SecretFileEnding);
        var options = new PostgresStoreOptions { ConnectionString = postgres.ConnectionString };
        var imported = await SqliteImport.RunAsync(file, options, cancellationToken);
        return $"Imported {file} into {postgres}: {imported.ServiceInstances} service instances, {imported.Users} users, "
            + $"{imported.PushBindings} push bindings, {imported.ApiKeys} API keys. "
            + Next(settings, file);
    }

    private static string Next(ServerSettings settings, string file) => File.Exists(settings.SecretFile)
        ? $"Start the server with the same {nameof(ServerSettings.Postgres)}; its secret file is {settings.SecretFile}."
        : $"There is no secret file: neither {file + SecretFileEnding} nor {settings.SecretFile} exists. If the server on SQLite had one, "
            + $"copy it to {settings.SecretFile} before you start the server, because access tokens depend on it.";
}
