using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace GrpcPresence.Testing;

/// <summary>
/// A PostgreSQL server of tests and benchmarks: an unprivileged process on a Unix socket in a temporary directory. <see cref="Shared"/>
/// starts with the first test that needs it. A server ends with the process that started it, however that ends: its watchdog waits for the
/// end of a pipe.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    /// <summary>The role that owns everything.</summary>
    public const string Owner = "postgres";

    /// <summary>The user that runs the server if the tests run as root, because the server refuses to.</summary>
    private const string SystemUser = "postgres";

    private const int OldestVersion = 15;

    private static readonly string? Programs = FindPrograms();
    private static readonly Lazy<PostgresServer> SharedServer = new(() =>
    {
        var server = Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        return server;
    });

    private readonly TemporaryDirectory _directory = new();
    private readonly string[] _settings;
    private Process? _watchdog; // null while the server is stopped
    private int _names;
    private int? _frozen; // the process that was stopped

    private PostgresServer(string[] settings) => _settings = settings;

    /// <summary>Why PostgreSQL cannot run here; null if it can.</summary>
    public static string? MissingReason =>
        Programs is null ? $"PostgreSQL {OldestVersion} or newer is not installed. On Debian: apt-get install postgresql." : null;

    /// <summary>The server that tests share. None of them stops it or changes its settings.</summary>
    public static PostgresServer Shared => SharedServer.Value;

    /// <summary>The directory of the socket.</summary>
    public string Directory => Path.GetDirectoryName(_directory.File("socket"))!;

    private string Data => _directory.File("data");

    /// <summary>Starts a server for one test, with further settings such as <c>max_connections=5</c>.</summary>
    public static PostgresServer Start(params string[] settings)
    {
        var server = new PostgresServer(settings);
        try
        {
            if (Environment.IsPrivilegedProcess)
                Run("chown", SystemUser, server.Directory);
            RunServerProgram("initdb", "-D", server.Data, "-U", Owner, "-A", "trust", "-E", "UTF8", "--locale=C", "-N");
            server.Resume();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts a standby of the server for one test.</summary>
    public PostgresServer StartStandby()
    {
        var standby = Copy(_settings, "-R");
        try
        {
            standby.Resume();
            return standby;
        }
        catch
        {
            standby.Dispose();
            throw;
        }
    }

    /// <summary>Takes a base backup with PostgreSQL's own tool. <see cref="Resume"/> starts the server that is restored from it.</summary>
    /// <param name="isRecovery">Whether that server begins with a recovery, and so on another WAL timeline.</param>
    public PostgresServer BaseBackup(bool isRecovery)
    {
        // Everything that the recovery needs is in the backup.
        var backup = Copy(isRecovery ? [.. _settings, "restore_command=false"] : _settings);
        if (isRecovery)
            File.WriteAllText(Path.Combine(backup.Data, "recovery.signal"), "");
        return backup;
    }

    /// <summary>Makes a standby the primary server.</summary>
    public void Promote() => RunServerProgram("pg_ctl", "promote", "-w", "-s", "-D", Data);

    /// <summary>Stops the process of a standby that receives from its primary, so that the standby confirms nothing.</summary>
    public void FreezeReplication()
    {
        _frozen = Query<int>(ConnectionString(), "SELECT pid FROM pg_stat_wal_receiver");
        Run("kill", "-STOP", $"{_frozen}");
    }

    /// <summary>Lets the process go on that <see cref="FreezeReplication"/> stopped.</summary>
    public void ThawReplication()
    {
        if (_frozen is { } process)
            Run("kill", "-CONT", $"{process}");
        _frozen = null;
    }

    /// <summary>Starts the server again.</summary>
    public void Resume()
    {
        string[] settings =
        [
            "listen_addresses=", $"unix_socket_directories={Directory}", "fsync=off", "full_page_writes=off", "max_connections=500",
            "shared_buffers=64MB", .. _settings,
        ];
        RunServerProgram(
            "pg_ctl", "start", "-w", "-s", "-D", Data, "-l", _directory.File("log"),
            "-o", string.Join(' ', settings.Select(setting => $"-c {setting}")));
        var (program, arguments) = ServerProgram("pg_ctl", "stop", "-s", "-m", "immediate", "-D", Data);
        // Reads until this process closes the pipe or is gone. In a session of its own, because a time limit ends the whole process group
        // of a test.
        var start = new ProcessStartInfo("setsid", ["sh", "-c", "read _; exec \"$@\"", "sh", program, .. arguments])
        {
            RedirectStandardInput = true,
            WorkingDirectory = "/", // the directory of the tests may be closed to the user of the server
        };
        _watchdog = Process.Start(start)!;
    }

    /// <summary>Stops the server at once, as a crash does.</summary>
    public void Crash()
    {
        if (_watchdog is not { } watchdog)
            return;
        _watchdog = null;
        NpgsqlConnection.ClearAllPools();
        watchdog.StandardInput.Close();
        watchdog.WaitForExit();
        watchdog.Dispose();
    }

    /// <summary>Returns the connection string of a database.</summary>
    public string ConnectionString(string database = "postgres", string user = Owner) =>
        $"Host={Directory};Database={database};Username={user}";

    /// <summary>Returns the connection string of a new, empty database.</summary>
    public string CreateDatabase(string options = "")
    {
        var name = NewName("database");
        Execute(ConnectionString(), $"CREATE DATABASE {name} TEMPLATE template0 {options}");
        return ConnectionString(name);
    }

    /// <summary>Returns the connection string of a new, empty schema of a shared database, which takes less time than a database.</summary>
    public string CreateSchema()
    {
        var name = NewName("schema");
        Execute(ConnectionString(), $"CREATE SCHEMA {name}");
        return $"{ConnectionString()};Search Path={name}";
    }

    /// <summary>Runs statements as the owner.</summary>
    public static void Execute(string connectionString, string sql)
    {
        using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    /// <summary>Returns the first value of the first row as the owner reads it.</summary>
    public static T Query<T>(string connectionString, string sql)
    {
        using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return (T)command.ExecuteScalar()!;
    }

    /// <summary>Makes a dump of the schema with PostgreSQL's own tool, and returns its file.</summary>
    public string Dump(string connectionString)
    {
        var file = _directory.File(NewName("dump"));
        var (database, schema) = NamesOf(connectionString);
        RunClientProgram("pg_dump", "-h", Directory, "-U", Owner, "-d", database, "-n", schema, "-f", file);
        return file;
    }

    /// <summary>Replaces the schema by a dump.</summary>
    public void Restore(string connectionString, string dump)
    {
        var (database, schema) = NamesOf(connectionString);
        Execute(ConnectionString(database), $"DROP SCHEMA {schema} CASCADE");
        Run(connectionString, dump);
    }

    /// <summary>Runs a file of SQL, such as a dump.</summary>
    public void Run(string connectionString, string file) => RunClientProgram(
        "psql", "-h", Directory, "-U", Owner, "-d", NamesOf(connectionString).Database, "-q", "-v", "ON_ERROR_STOP=1", "-f", file);

    /// <summary>Makes an archive of the database with PostgreSQL's own tool, as docs/postgres.md says, and returns its file.</summary>
    public string Archive(string connectionString)
    {
        var file = _directory.File(NewName("archive"));
        RunClientProgram("pg_dump", "-h", Directory, "-U", Owner, "-d", NamesOf(connectionString).Database, "-F", "c", "-f", file);
        return file;
    }

    /// <summary>Restores an archive into a database with PostgreSQL's own tool.</summary>
    /// <exception cref="InvalidOperationException">The tool reported an error.</exception>
    public void RestoreArchive(string connectionString, string archive, params string[] options) => RunClientProgram(
        "pg_restore", ["-h", Directory, "-U", Owner, "-d", NamesOf(connectionString).Database, "--no-owner", .. options, archive]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Crash();
        _directory.Dispose();
    }

    private PostgresServer Copy(string[] settings, params string[] options)
    {
        var copy = new PostgresServer(settings);
        try
        {
            if (Environment.IsPrivilegedProcess)
                Run("chown", SystemUser, copy.Directory);
            RunServerProgram(
                "pg_basebackup", ["-h", Directory, "-U", Owner, "-D", copy.Data, "-X", "stream", "-c", "fast", "-N", .. options]);
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    private static (string Database, string Schema) NamesOf(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        return (builder.Database!, builder.SearchPath ?? "public");
    }

    private string NewName(string kind) => $"{kind}_{Interlocked.Increment(ref _names)}";

    private static void RunServerProgram(string name, params string[] arguments)
    {
        var (program, all) = ServerProgram(name, arguments);
        Run(program, all);
    }

    private static void RunClientProgram(string name, params string[] arguments) => Run(Path.Combine(Programs!, name), arguments);

    private static (string Program, string[] Arguments) ServerProgram(string name, params string[] arguments)
    {
        if (Programs is null)
            throw new InvalidOperationException(MissingReason);
        var path = Path.Combine(Programs, name);
        return Environment.IsPrivilegedProcess
            ? ("setpriv", [$"--reuid={SystemUser}", $"--regid={SystemUser}", "--clear-groups", path, .. arguments])
            : (path, arguments);
    }

    private static void Run(string program, params string[] arguments)
    {
        // Without output of its own: a server that inherited a pipe of the tests would keep it open. Root's directory is closed to others.
        var start = new ProcessStartInfo("sh", ["-c", "exec \"$@\" >/dev/null", "sh", program, .. arguments]) { WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    /// <summary>Finds the programs of the newest version, where Debian puts them or in the search path.</summary>
    private static string? FindPrograms()
    {
        const string Debian = "/usr/lib/postgresql";
        if (System.IO.Directory.Exists(Debian))
        {
            var newest = System.IO.Directory.GetDirectories(Debian)
                .Where(directory => File.Exists(Path.Combine(directory, "bin", "initdb")))
                .Select(directory => (directory, version: VersionOf(directory)))
                .Where(found => found.version >= OldestVersion)
                .MaxBy(found => found.version);
            if (newest.directory is { } directory)
                return Path.Combine(directory, "bin");
        }
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .FirstOrDefault(directory => File.Exists(Path.Combine(directory, "initdb")));
    }

    private static int VersionOf(string directory) =>
        int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var version) ? version : 0;
}
