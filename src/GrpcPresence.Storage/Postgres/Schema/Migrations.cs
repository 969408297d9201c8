using System.Globalization;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Schema;

/// <summary>
/// The numbered scripts that create the schema. The one row of <c>schema_version</c> has the number of the last script that ran, and the
/// oldest version of the program that can use the schema. So a script that keeps the program before it working does not stop the nodes that
/// still run that program.
/// </summary>
internal static class Migrations
{
    /// <summary>
    /// The oldest <see cref="Latest"/> of a program that works with the schema of this one. A script that breaks earlier programs raises
    /// it.
    /// </summary>
    public const int UsableFrom = 3;

    private const string Prefix = "GrpcPresence.Storage.Postgres.Schema.Migrations.";

    private static readonly SortedDictionary<int, string> Scripts = Find();

    /// <summary>The newest schema version of this program.</summary>
    public static int Latest { get; } = Scripts.Keys.Max();

    /// <summary>
    /// Brings the schema up to date in one transaction, and returns whether it was empty. Nodes that start together wait for the lock, so
    /// each script runs once.
    /// </summary>
    public static async Task<bool> RunAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        try
        {
            return await RunOnceAsync(connection, database, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException exception)
            when (exception.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateTable)
        {
            // Another node created the table of the version in the same moment, before there was a lock to wait for. Now there is one.
            return await RunOnceAsync(connection, database, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<bool> RunOnceAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'", cancellationToken)
            .ConfigureAwait(false);
        var isNew = await CreateVersionAsync(connection, database, cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, "LOCK TABLE schema_version IN EXCLUSIVE MODE", cancellationToken).ConfigureAwait(false);
        var (version, usableFrom) = await ReadVersionAsync(connection, database, cancellationToken).ConfigureAwait(false);
        if (usableFrom > Latest)
            throw PostgresRejectedException.NewerSchema(database, version, Latest);
        foreach (var (number, resource) in Scripts.Where(script => script.Key > version))
        {
            await ExecuteAsync(connection, Read(resource), cancellationToken).ConfigureAwait(false);
            await ExecuteAsync(
                connection,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"UPDATE schema_version SET version = {number}, usable_from = greatest(usable_from, {UsableFrom})"),
                cancellationToken).ConfigureAwait(false);
        }
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return isNew;
    }

    /// <summary>
    /// Returns whether the schema was created, and whether there are tables of any kind.
    /// </summary>
    public static async Task<(bool Exists, bool HasTables)> FindAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT to_regclass(format('%I.schema_version', current_schema())) IS NOT NULL,
                EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p'))
            """,
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        return (reader.GetBoolean(0), reader.GetBoolean(1));
    }

    private static async Task<bool> CreateVersionAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        var (exists, hasTables) = await FindAsync(connection, cancellationToken).ConfigureAwait(false);
        if (exists)
            return false;
        if (hasTables)
            throw PostgresRejectedException.Foreign(database);
        await ExecuteAsync(
            connection,
            "CREATE TABLE schema_version (version int NOT NULL, usable_from int NOT NULL); INSERT INTO schema_version VALUES (0, 0)",
            cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static async Task<(int Version, int UsableFrom)> ReadVersionAsync(
        NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT version, usable_from FROM schema_version", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? (reader.GetInt32(0), reader.GetInt32(1))
            : throw PostgresRejectedException.Damaged(database, "the row of the table schema_version");
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        // A script of a later version may rewrite a large table.
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static SortedDictionary<int, string> Find()
    {
        var scripts = new SortedDictionary<int, string>();
        foreach (var resource in typeof(Migrations).Assembly.GetManifestResourceNames())
        {
            if (resource.StartsWith(Prefix, StringComparison.Ordinal))
                scripts.Add(int.Parse(resource.AsSpan(Prefix.Length, 4), CultureInfo.InvariantCulture), resource);
        }
        return scripts;
    }

    private static string Read(string resource)
    {
        using var stream = typeof(Migrations).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
