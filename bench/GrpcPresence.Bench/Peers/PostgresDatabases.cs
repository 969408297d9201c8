using GrpcPresence.Testing;

namespace GrpcPresence.Bench.Peers;

/// <summary>
/// A PostgreSQL server of Debian's package <c>postgresql</c> with the settings that it has by default, and with its data on the same disk
/// as SQLite's. Its processes run on the load's core, because they inherit the core of the process that starts them. So it does not compete
/// with the server under test, like a database on another machine.
/// </summary>
internal sealed class PostgresDatabases : IDisposable
{
    private static readonly string[] Reported = ["fsync", "full_page_writes", "synchronous_commit", "shared_buffers"];

    private readonly PostgresServer _server;

    private PostgresDatabases(PostgresServer server)
    {
        _server = server;
        Settings = string.Join(", ", Reported.Select(Describe).Prepend($"{Name} {Show("server_version").Split(' ')[0]}"));
    }

    /// <summary>The name in reports.</summary>
    public static string Name => "PostgreSQL";

    /// <summary>The version and the settings that decide what a commit costs, as the server reports them.</summary>
    public string Settings { get; }

    /// <summary>Starts the server; returns null if it is not installed.</summary>
    public static PostgresDatabases? TryStart() =>
        PostgresServer.MissingReason is not null
            ? null
            : new PostgresDatabases(PostgresServer.Start(
                "fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=128MB", "max_connections=100"));

    /// <summary>Returns the connection string of a new, empty database.</summary>
    public string Create() => _server.CreateDatabase();

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();

    private string Describe(string setting) => $"{setting} {Show(setting)}";

    private string Show(string setting) => PostgresServer.Query<string>(_server.ConnectionString(), $"SHOW {setting}");
}
