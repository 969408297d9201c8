using System.Buffers.Binary;
using System.Security.Cryptography;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Schema;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>
/// The storage port on a PostgreSQL database that one node uses alone. One connection writes, used only by the writer's thread; a bounded
/// pool reads.
/// </summary>
/// <remarks>
/// Each commit first updates the row of its node. It writes nothing if another node holds the row, or if a reopening or another commit came
/// before it. See <see cref="NodeRow"/>.
/// </remarks>
public partial class PostgresPresenceStore : IPresenceStore, IAsyncDisposable
{
    private protected readonly PostgresStoreOptions _options;
    private protected readonly PostgresConnections _connections;
    private protected readonly NodeRow _row;
    private readonly TaskCompletionSource<string> _fenced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _incarnation;

    private protected NpgsqlConnection? _writer; // null after a failed reopening
    private protected CommitsSent _commits;
    private BatchWriter _batchWriter = new(); // of the connection: what the driver knows of a prepared statement stays in the command

    private protected PostgresPresenceStore(PostgresStoreOptions options)
    {
        _options = options;
        _incarnation = BinaryPrimitives.ReadInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(long))) & long.MaxValue;
        _connections = new PostgresConnections(options, options.Node, _incarnation);
        _row = new NodeRow(_connections, options, options.Node, _incarnation);
    }

    /// <summary>The database and its host, for the log. Contains no secret.</summary>
    public string Database => _connections.Database;

    /// <summary>Whether opening the store created its tables.</summary>
    public bool IsNew { get; private set; }

    /// <summary>The version of the server, for the log.</summary>
    public Version ServerVersion { get; private set; } = new();

    /// <summary>
    /// How far the clock of the server was ahead of this one when the store was opened. Access tokens and times of users come from this
    /// process's clock, so a large difference shows that one of the two is wrong.
    /// </summary>
    public TimeSpan ClockDifference { get; private set; }

    /// <summary>Other roles whose functions can run with the rights of the server's role, for the log; null without one.</summary>
    public string? OtherRoles { get; private set; }

    /// <summary>
    /// Completes when this process can no longer write, with the reason in one line: another node has taken the database, or the data went
    /// back while the process ran. Every later call that writes throws <see cref="StorageException"/>. Only a new start helps: it begins
    /// a timeline, so that no watcher continues from states that are lost.
    /// </summary>
    public Task<string> Fenced => _fenced.Task;

    /// <summary>
    /// Opens the database, brings its schema up to date, and takes it for this node. Waits for a few seconds if it is not clear whether
    /// another node still runs.
    /// </summary>
    /// <exception cref="PostgresRejectedException">The database cannot be used until someone has done what the message says.</exception>
    /// <exception cref="StorageException">The server cannot be reached or used now. Trying again may help.</exception>
    public static Task<PostgresPresenceStore> OpenAsync(PostgresStoreOptions options, CancellationToken cancellationToken) =>
        OpenAsync(new PostgresPresenceStore(options), cancellationToken);

    private protected static async Task<TStore> OpenAsync<TStore>(TStore store, CancellationToken cancellationToken)
        where TStore : PostgresPresenceStore
    {
        try
        {
            await store.StartAsync(cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch (Exception exception)
        {
            store.Close();
            if (PostgresFaults.IsStorageFault(exception))
                throw PostgresFaults.TranslateOpening(exception, store.Database);
            throw;
        }
    }

    /// <summary>Returns whether a store created its tables in the database. Changes nothing.</summary>
    /// <exception cref="PostgresRejectedException">The database cannot be used until someone has done what the message says.</exception>
    /// <exception cref="StorageException">The server cannot be reached or used now. Trying again may help.</exception>
    public static async Task<bool> ExistsAsync(PostgresStoreOptions options, CancellationToken cancellationToken)
    {
        using var connections = new PostgresConnections(options, options.Node, incarnation: 0);
        try
        {
            await using var connection = await connections.OpenWriterAsync(cancellationToken).ConfigureAwait(false);
            await DatabaseInspection.CheckServerAsync(connection, connections.Database, cancellationToken).ConfigureAwait(false);
            return (await Migrations.FindAsync(connection, cancellationToken).ConfigureAwait(false)).Exists;
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.TranslateOpening(exception, connections.Database);
        }
    }

    /// <inheritdoc/>
    public void Maintain(bool idle)
    {
        // PostgreSQL checkpoints and vacuums by itself.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        Close();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Opens a connection that copies rows into the database, while this store keeps every node away from it.</summary>
    internal Task<NpgsqlConnection> OpenImporterAsync(CancellationToken cancellationToken) =>
        _connections.OpenImporterAsync(cancellationToken);

    /// <summary>Rejects a database that this node cannot use, before anything is changed in it.</summary>
    private protected virtual Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes the database for this node, on the writing connection.</summary>
    private protected virtual Task TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        _row.TakeAsync(connection, _options.NewTimeline(), cancellationToken);

    /// <summary>Gives the database back, if that is possible at once.</summary>
    private protected virtual void Release()
    {
        try
        {
            if (_writer is { } writer)
                _row.Release(writer);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception) || exception is InvalidOperationException)
        {
            // The next node waits until it knows that this one is gone.
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        string schema;
        await using (var first = await _connections.OpenWriterAsync(cancellationToken).ConfigureAwait(false))
        {
            ServerVersion = first.PostgreSqlVersion;
            schema = await DatabaseInspection.CheckServerAsync(first, Database, cancellationToken).ConfigureAwait(false);
            OtherRoles = await DatabaseInspection.FindOtherRolesAsync(first, cancellationToken).ConfigureAwait(false);
        }
        _connections.UseSchema(schema);
        _writer = await _connections.OpenWriterAsync(cancellationToken).ConfigureAwait(false);
        await CheckAsync(_writer, cancellationToken).ConfigureAwait(false);
        IsNew = await Migrations.RunAsync(_writer, Database, cancellationToken).ConfigureAwait(false);
        await DatabaseInspection.CheckTablesAsync(_writer, Database, cancellationToken).ConfigureAwait(false);
        await DatabaseInspection.CheckPartsAsync(_writer, Database, cancellationToken).ConfigureAwait(false);
        ClockDifference = await ReadClockDifferenceAsync(cancellationToken).ConfigureAwait(false);
        await TakeAsync(_writer, cancellationToken).ConfigureAwait(false);
    }

    private async Task<TimeSpan> ReadClockDifferenceAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT clock_timestamp()", _writer);
        var server = (DateTime)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        return new DateTimeOffset(server) - _options.Time.GetUtcNow();
    }

    private protected virtual void Close()
    {
        _writer?.Dispose();
        _writer = null;
        _connections.Dispose();
        _batchWriter.Dispose();
    }
}
