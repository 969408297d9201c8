using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Schema;
using Microsoft.Data.Sqlite;
using Npgsql;
using PostgresInspection = GrpcPresence.Storage.Postgres.Schema.DatabaseInspection;

namespace GrpcPresence.Storage.Import;

/// <summary>
/// Takes a SQLite database over into an empty PostgreSQL database. Keys, revisions and timelines stay what they are, so clients continue
/// with their tokens. One transaction: an import that fails or is killed leaves the database as empty as it was.
/// </summary>
public static class SqliteImport
{
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Copies the file, which stays as it is. No server may use either database meanwhile.</summary>
    /// <exception cref="DatabaseRejectedException">
    /// The file is in use, missing, damaged, foreign, or of another schema version, or the PostgreSQL database has data.
    /// </exception>
    /// <exception cref="PostgresRejectedException">The PostgreSQL database is in use or unusable.</exception>
    /// <exception cref="StorageException">One of the two cannot be used now.</exception>
    public static async Task<ImportResult> RunAsync(string file, PostgresStoreOptions options, CancellationToken cancellationToken)
    {
        file = Path.GetFullPath(file);
        if (!File.Exists(file))
            throw DatabaseRejectedException.Missing(file);
        try
        {
            file = DatabaseFiles.Resolve(file);
            using var held = DatabaseLock.Take(file);
            DatabaseInspection.CheckFiles(file);
            using var source = new ConnectionFactory(file, BusyTimeout).OpenReader();
            CheckSource(source, file);
            using var moment = source.BeginTransaction(deferred: true);
            // The open store keeps every node away from the database.
            await using var store = await PostgresPresenceStore.OpenAsync(options, cancellationToken).ConfigureAwait(false);
            return await CopyAsync(source, WentBack(source, held), store, cancellationToken).ConfigureAwait(false);
        }
        catch (SqliteException exception) when (SqliteFaults.IsStorageFault(exception))
        {
            throw new StorageException($"The database '{file}' cannot be read: {exception.Message}", exception);
        }
        catch (Exception exception) when (PostgresFaults.IsStorageFault(exception))
        {
            throw PostgresFaults.Translate(exception);
        }
    }

    private static void CheckSource(SqliteConnection source, string file)
    {
        if (DatabaseInspection.Check(source, file, thorough: true))
            throw DatabaseRejectedException.Foreign(file);
        var version = source.ExecuteScalar<long>("PRAGMA user_version");
        if (version < Migrations.Latest)
            throw DatabaseRejectedException.OlderSchema(file, version, Migrations.Latest);
    }

    private static bool WentBack(SqliteConnection source, DatabaseLock held)
    {
        var witness = new CommitWitness(held);
        var timeline = source.ExecuteScalar<byte[]?>("SELECT id FROM timelines ORDER BY seq DESC LIMIT 1") ?? [];
        var wentBack = witness.IsAheadOf(timeline, source.ExecuteScalar<long>("SELECT id FROM last_commit"));
        // Taking the lock has created its file, which must not hide the same from the next server on the file.
        if (held.IsNew)
            witness.NoteRestore();
        return wentBack;
    }

    private static async Task<ImportResult> CopyAsync(
        SqliteConnection source, bool wentBack, PostgresPresenceStore store, CancellationToken cancellationToken)
    {
        await using var target = await store.OpenImporterAsync(cancellationToken).ConfigureAwait(false);
        await using var transaction = await target.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await ExecuteAsync("SELECT FROM nodes FOR UPDATE").ConfigureAwait(false);
        if (await HasDataAsync(target, cancellationToken).ConfigureAwait(false))
            throw DatabaseRejectedException.NotEmpty(store.Database);
        // Those of starts without data. They would stand in the places of the imported ones.
        await ExecuteAsync("DELETE FROM timelines").ConfigureAwait(false);
        var counts = new Dictionary<string, long>();
        foreach (var table in ImportTables.All(wentBack))
            counts[table.Name] = await CopyTableAsync(source, target, table, cancellationToken).ConfigureAwait(false);
        await CopyCountersAsync(source, target, cancellationToken).ConfigureAwait(false);
        // The next start of a cluster fills in the shards of these rows.
        await ExecuteAsync("UPDATE cluster SET has_shards = false").ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        // The planner knows nothing of the tables until they are analyzed.
        await ExecuteAsync($"ANALYZE {string.Join(", ", PostgresInspection.Tables)}").ConfigureAwait(false);
        return new ImportResult(counts["services"], counts["users"], counts["push_bindings"], counts["api_keys"]);

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, target);
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<bool> HasDataAsync(NpgsqlConnection target, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM services) OR EXISTS (SELECT FROM api_keys)", target);
        return (bool)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private static async Task<long> CopyTableAsync(
        SqliteConnection source, NpgsqlConnection target, ImportTable table, CancellationToken cancellationToken)
    {
        await using var select = source.CreateCommand();
#pragma warning disable CA2100 // the text is made of constants
        select.CommandText = table.Select;
#pragma warning restore CA2100
        await using var rows = await select.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var copy = await target.BeginBinaryImportAsync(table.Copy, cancellationToken).ConfigureAwait(false);
        while (await rows.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            await copy.StartRowAsync(cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < table.Columns.Count; i++)
                await table.Columns[i].WriteAsync(rows, i, copy, cancellationToken).ConfigureAwait(false);
        }
        return (long)await copy.CompleteAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task CopyCountersAsync(SqliteConnection source, NpgsqlConnection target, CancellationToken cancellationToken)
    {
        var (aliveTime, total) = source.QuerySingle<(long?, long)>("SELECT alive_time, total FROM uptime");
        var version = source.ExecuteScalar<long>("SELECT directory_version FROM last_commit");
        await using var command = new NpgsqlCommand(
            "UPDATE directory SET version = $1, next_service_id = $2, next_api_key_id = $3", target);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = version });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Next("services") });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = Next("api_keys") });
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        await using var uptime = new NpgsqlCommand("UPDATE uptime SET alive_time = $1, total = $2", target);
        uptime.Parameters.Add(new NpgsqlParameter<long?> { TypedValue = aliveTime });
        uptime.Parameters.Add(new NpgsqlParameter<long> { TypedValue = total });
        await uptime.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);

        // A key is never used again, also not one whose row is gone.
        long Next(string table) =>
            1 + (source.ExecuteScalar<long?>("SELECT seq FROM sqlite_sequence WHERE name = @Name", new { Name = table }) ?? 0);
    }
}
