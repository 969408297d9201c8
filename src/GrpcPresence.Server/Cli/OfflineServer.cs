using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Settings;
using GrpcPresence.Storage.Sqlite.Files;
using Microsoft.Extensions.Configuration.Memory;

namespace GrpcPresence.Server.Cli;

/// <summary>Runs a server on the database for the duration of one command. No other process can reach it.</summary>
internal static class OfflineServer
{
    /// <summary>Runs the command against a server, and passes it the path of the server's socket.</summary>
    /// <exception cref="DatabaseRejectedException">Another process uses the database, or the database is unusable.</exception>
    public static async Task RunAsync(ServerSettings settings, Action<IServiceCollection> addDomain, Func<string, Task> command)
    {
        // The socket gets a private directory, because the path beside the database may be too long, or the socket may be switched off.
        var directory = Directory.CreateTempSubdirectory("presence-");
        try
        {
            var path = Path.Combine(directory.FullName, "operator.sock");
            // Not as a node: it uses the database alone, which the store refuses while nodes are active.
            var own = settings with
            {
                HasAdminSocketOnly = true,
                AdminSocket = path,
                Metrics = MetricsMode.Off,
                Demo = false,
                NodeAddress = null,
            };
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

    // Only the output of the command and the audit log should be visible.
    private static IConfigurationRoot QuietLog() => new ConfigurationBuilder()
        .Add(new MemoryConfigurationSource
        {
            InitialData = [Level(nameof(GrpcPresence), LogLevel.Warning), Level(typeof(AuditLog).FullName!, LogLevel.Information)],
        })
        .Build();

    private static KeyValuePair<string, string?> Level(string category, LogLevel level) => new($"Logging:LogLevel:{category}", $"{level}");
}
