using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Sqlite.Files;
using Microsoft.Extensions.Configuration.Memory;

namespace GrpcPresence.Server.Cli;

/// <summary>The server for the time of one command of the operator: on the same database, and reachable by nobody else.</summary>
internal static class OfflineServer
{
    /// <summary>Runs the command against a server that listens at the path which it is given.</summary>
    /// <exception cref="DatabaseRejectedException">Another process has the database, or it cannot be used.</exception>
    public static async Task RunAsync(ServerSettings settings, Action<IServiceCollection> addDomain, Func<string, Task> command)
    {
        // In a directory of its own, which nobody else may enter: the path beside the database may be too long, or none.
        var directory = Directory.CreateTempSubdirectory("presence-");
        try
        {
            var path = Path.Combine(directory.FullName, "operator.sock");
            var own = settings with { HasAdminSocketOnly = true, AdminSocket = path, Metrics = MetricsMode.Off, Demo = false };
            await using var app = ServerHost.Build(own, QuietLog(), addDomain);
            try
            {
                await app.StartAsync();
                await command(path);
            }
            finally
            {
                await app.EnsureStoppedAsync();
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // What the command has to say is all that is to be read, and the record of what it did.
    private static IConfigurationRoot QuietLog() => new ConfigurationBuilder()
        .Add(new MemoryConfigurationSource
        {
            InitialData = [Level(nameof(GrpcPresence), LogLevel.Warning), Level(typeof(AuditLog).FullName!, LogLevel.Information)],
        })
        .Build();

    private static KeyValuePair<string, string?> Level(string category, LogLevel level) => new($"Logging:LogLevel:{category}", $"{level}");
}
