using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Schema;

/// <summary>
/// The numbered scripts that create the schema. <c>user_version</c> of the file is the number of the last script that ran. Each runs once,
/// in its own transaction.
/// </summary>
internal static class Migrations
{
    private const string Prefix = "GrpcPresence.Storage.Sqlite.Schema.Migrations.";

    private static readonly SortedDictionary<long, string> Scripts = Find();

    /// <summary>The newest schema version of this program.</summary>
    public static long Latest { get; } = Scripts.Keys.Max();

    /// <summary>Brings the schema up to date.</summary>
    public static void Run(SqliteConnection writer) => Run(writer, Latest);

    /// <summary>Returns the tables and indices of a schema version.</summary>
    public static IReadOnlyList<SchemaEntry> SchemaOf(long version)
    {
        using var connection = new SqliteConnection("Data Source=:memory:;Pooling=false");
        connection.Open();
        Run(connection, version);
        return ReadSchema(connection);
    }

    /// <summary>Returns the tables and indices of a database.</summary>
    public static IReadOnlyList<SchemaEntry> ReadSchema(SqliteConnection connection) =>
        [.. connection.Query<SchemaEntry>("SELECT type AS Type, name AS Name, tbl_name AS TableName, sql AS Sql FROM sqlite_schema")];

    private static void Run(SqliteConnection writer, long upTo)
    {
        var version = writer.ExecuteScalar<long>("PRAGMA user_version");
        foreach (var (number, resource) in Scripts)
        {
            if (number <= version || number > upTo)
                continue;
            using var transaction = writer.BeginTransaction(deferred: false);
            writer.Execute(Read(resource), transaction: transaction);
            writer.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {number}"), transaction: transaction);
            transaction.Commit();
        }
    }

    private static SortedDictionary<long, string> Find()
    {
        var scripts = new SortedDictionary<long, string>();
        foreach (var resource in typeof(Migrations).Assembly.GetManifestResourceNames())
        {
            if (resource.StartsWith(Prefix, StringComparison.Ordinal))
                scripts.Add(long.Parse(resource.AsSpan(Prefix.Length, 4), CultureInfo.InvariantCulture), resource);
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
