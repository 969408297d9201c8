using System.Globalization;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// The connections of a node: one that writes, which is not pooled, and a bounded pool of those that read. Their application name tells the
/// sessions of this node from those of every other process.
/// </summary>
internal sealed class PostgresConnections : IDisposable
{
    /// <summary>
    /// Settings of every session. The timeouts bound how long a caller waits. The keepalives end the session of a machine that is gone
    /// after about ten seconds instead of two hours. Every statement finds its rows by a key, so the planner must not choose a scan that
    /// was cheap when a table was small.
    /// </summary>
    private const string SessionSettings =
        "-c idle_in_transaction_session_timeout=1500 -c lock_timeout=1000 -c statement_timeout=5000 -c jit=off -c enable_seqscan=off "
        + "-c enable_hashjoin=off -c enable_mergejoin=off -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";

    /// <summary>An import takes long: PostgreSQL builds indices while the rows arrive.</summary>
    private const string NoTimeouts = " -c idle_in_transaction_session_timeout=0 -c lock_timeout=60000 -c statement_timeout=0";

    /// <summary>A value of a session that has the settings, as PostgreSQL shows it. No pooler gives it by chance.</summary>
    public const string IdleTimeout = "1500ms";

    /// <summary>What follows the name of a node in those of its sessions that read, and that call.</summary>
    public const string ReaderSuffix = "-reader", CallerSuffix = "-call";

    private const string ReadOnly = " -c default_transaction_read_only=on";

    /// <summary>
    /// How long a call waits for the server. Longer than the server's own timeout, so that it ends only calls that are not answered. With
    /// the time of a new connection, the callers of a commit get an error after at most 9 s.
    /// </summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(6);

    /// <summary>How long a reopening may take in all. Less than a call of a cluster may take.</summary>
    public static readonly TimeSpan ReopeningLimit = TimeSpan.FromSeconds(9);

    private const int ConnectTimeoutSeconds = 3;

    /// <summary>
    /// The driver's own limit, for what happens at a start and a reopening. Commits and reads turn it off, and the store limits them:
    /// before the driver gives up a call, it blocks its thread to ask the server over another connection to cancel it. A server that is
    /// frozen does not answer that either, and heartbeats need the threads.
    /// </summary>
    private const int CommandTimeoutSeconds = 20;

    private const string ImporterName = "presence-import";

    private readonly Lock _gate = new(); // held while data sources are replaced
    private readonly NpgsqlConnectionStringBuilder _writer;
    private readonly NpgsqlConnectionStringBuilder _reader;
    private readonly NpgsqlConnectionStringBuilder _caller;
    private readonly NpgsqlConnectionStringBuilder _importer;
    private NpgsqlDataSource _writers;
    private NpgsqlDataSource _callers;
    private NpgsqlDataSource _importers;
    private NpgsqlDataSource _readers; // replaced as a whole

    /// <exception cref="PostgresRejectedException">The connection string is not valid.</exception>
    public PostgresConnections(PostgresStoreOptions options, long node, long incarnation)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"node-{node}-{incarnation:x}");
        (WriterName, ReaderName, CallerName) = (name, name + ReaderSuffix, name + CallerSuffix);
        try
        {
            var given = new NpgsqlConnectionStringBuilder(options.ConnectionString);
            if (string.IsNullOrEmpty(given.Host))
                throw new ArgumentException("Host is missing");
            Database = $"'{given.Database ?? given.Username}' on '{given.Host}'";
            _writer = Configure(options.ConnectionString, WriterName, SessionSettings);
            _writer.Pooling = false;
            _reader = Configure(options.ConnectionString, ReaderName, SessionSettings + ReadOnly);
            _reader.Pooling = true;
            (_reader.MinPoolSize, _reader.MaxPoolSize) = (0, options.MaxReaders);
            _caller = Configure(options.ConnectionString, CallerName, SessionSettings);
            _caller.Pooling = false;
            _importer = Configure(options.ConnectionString, ImporterName, SessionSettings + NoTimeouts);
            (_importer.Pooling, _importer.CommandTimeout) = (false, 0);
            _writers = Build(_writer);
            _readers = Build(_reader);
            _callers = Build(_caller);
            _importers = Build(_importer);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidOperationException)
        {
            _writers?.Dispose();
            _readers?.Dispose();
            _callers?.Dispose();
            throw PostgresRejectedException.InvalidConnectionString(exception.Message, exception);
        }
    }

    /// <summary>The database and the host, for messages. Contains no secret.</summary>
    public string Database { get; }

    /// <summary>The application name of the connection that writes.</summary>
    public string WriterName { get; private set; }

    /// <summary>The application name of the connections that read.</summary>
    public string ReaderName { get; private set; }

    /// <summary>The application name of the connections that each make one kind of call of a cluster.</summary>
    public string CallerName { get; private set; }

    /// <summary>Opens a connection that writes.</summary>
    public Task<NpgsqlConnection> OpenWriterAsync(CancellationToken cancellationToken) =>
        OpenAsync(Volatile.Read(ref _writers), cancellationToken);

    /// <summary>Opens a connection for one kind of call of a cluster.</summary>
    public Task<NpgsqlConnection> OpenCallerAsync(CancellationToken cancellationToken) =>
        OpenAsync(Volatile.Read(ref _callers), cancellationToken);

    /// <summary>Opens a connection that imports.</summary>
    public Task<NpgsqlConnection> OpenImporterAsync(CancellationToken cancellationToken) => OpenAsync(_importers, cancellationToken);

    /// <summary>Takes a connection that reads from the pool.</summary>
    public ValueTask<NpgsqlConnection> OpenReaderAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _readers).OpenConnectionAsync(cancellationToken);

    /// <summary>
    /// Begins with an empty pool. Calls that the server did not answer keep their connections, until it answers or the network gives up.
    /// </summary>
    public void ReplaceReaders()
    {
        lock (_gate)
            Replace(ref _readers, _reader);
    }

    /// <summary>Makes later connections of this node, which has joined a cluster, have its name.</summary>
    public void UseName(string name)
    {
        lock (_gate)
        {
            if (WriterName == name)
                return;
            (WriterName, ReaderName, CallerName) = (name, name + ReaderSuffix, name + CallerSuffix);
            (_writer.ApplicationName, _reader.ApplicationName, _caller.ApplicationName) = (WriterName, ReaderName, CallerName);
            Replace(ref _writers, _writer);
            Replace(ref _readers, _reader);
            Replace(ref _callers, _caller);
        }
    }

    /// <summary>
    /// Makes every later session look in this schema only, and in PostgreSQL's own. A function of another schema whose parameters match
    /// better than those of PostgreSQL's would run with the rights of the server's role. Before any other use.
    /// </summary>
    public void UseSchema(string schema)
    {
        var path = '"' + schema.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
        (_writer.SearchPath, _reader.SearchPath, _caller.SearchPath, _importer.SearchPath) = (path, path, path, path);
        Dispose();
        (_writers, _readers, _callers, _importers) = (Build(_writer), Build(_reader), Build(_caller), Build(_importer));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _readers.Dispose();
        _writers.Dispose();
        _callers.Dispose();
        _importers.Dispose();
    }

    private static void Replace(ref NpgsqlDataSource source, NpgsqlConnectionStringBuilder connection) =>
        Interlocked.Exchange(ref source, Build(connection)).Dispose();

    private static async Task<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection;
        try
        {
            connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException exception)
            when (exception.SqlState is PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.InvalidParameterValue)
        {
            // A setting in the operator's Options that does not exist, or has a wrong value.
            throw PostgresRejectedException.InvalidConnectionString(exception.MessageText, exception);
        }
        try
        {
            // An acknowledged commit must be on the disk, also on that of a synchronous standby. A role may have a weaker setting.
            await using var command = new NpgsqlCommand(
                "SELECT set_config('synchronous_commit', 'on', false) "
                    + "WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
                connection);
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder connection) =>
        new NpgsqlDataSourceBuilder(connection.ConnectionString).Build();

    private static NpgsqlConnectionStringBuilder Configure(string given, string name, string settings)
    {
        var builder = new NpgsqlConnectionStringBuilder(given)
        {
            ApplicationName = name,
            CommandTimeout = CommandTimeoutSeconds,
            CancellationTimeout = -1, // a server that does not answer does not answer a cancellation either
            Timeout = ConnectTimeoutSeconds,
            Multiplexing = false,
            NoResetOnClose = true,
            MaxAutoPrepare = 64,
            AutoPrepareMinUsages = 2,
            IncludeErrorDetail = false,
            Enlist = false,
        };
        // After those of the operator, because the last value of a setting counts.
        builder.Options = string.IsNullOrEmpty(builder.Options) ? settings : $"{builder.Options} {settings}";
        // Whatever the operator gave: a standby would answer reads with rows of an earlier moment. The driver rejects a choice of one host.
        builder.TargetSessionAttributes = null;
        if (builder.Host!.Contains(',', StringComparison.Ordinal))
        {
            builder.TargetSessionAttributes = "primary";
            builder.LoadBalanceHosts = false;
            builder.HostRecheckSeconds = 0; // a standby that was just promoted must not be taken for a standby
        }
        return builder;
    }
}
