using Dapper;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Native;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Schema;

/// <summary>Checks a database before it is used, without changing it.</summary>
internal static class DatabaseInspection
{
    /// <summary>"GrPr"; the first migration writes it.</summary>
    private const long ApplicationId = 0x47725072;

    /// <summary>
    /// Rejects a database whose log exists while the file itself is missing or empty: SQLite would start an empty database and delete the
    /// log.
    /// </summary>
    public static void CheckFiles(string path)
    {
        if (IsLogAlone(path))
            throw DatabaseRejectedException.Damaged(path, "the file is missing or empty, but its write-ahead log is not");
    }

    /// <summary>Whether a log exists without the file to which it belongs.</summary>
    public static bool IsLogAlone(string path) => Length(path) == 0 && Length(DatabaseFiles.LogOf(path)) > 0;

    /// <summary>
    /// Rejects a database that is not this service's, is of a newer version of it, or is damaged. Returns whether it is empty, and
    /// therefore new and valid. The quick check reads every page; <paramref name="thorough"/> also compares the indices with their tables.
    /// </summary>
    public static bool Check(SqliteConnection connection, string path, bool thorough)
    {
        try
        {
            var application = connection.ExecuteScalar<long>("PRAGMA application_id");
            var version = connection.ExecuteScalar<long>("PRAGMA user_version");
            var isEmpty = connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema") == 0;
            if (isEmpty && application == 0 && version == 0)
                return true;
            if (application != ApplicationId)
                throw DatabaseRejectedException.Foreign(path);
            if (version < 1)
                throw DatabaseRejectedException.Damaged(path, $"its schema version reads {version}");
            if (version > Migrations.Latest)
                throw DatabaseRejectedException.NewerSchema(path, version, Migrations.Latest);
            var finding = connection.QueryFirst<string>(thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
            // A finding starts with a heading line; the message must be one line.
            if (finding != "ok")
                throw DatabaseRejectedException.Damaged(path, finding.ReplaceLineEndings(" "));
            // Additions, such as an index, are harmless.
            if (Migrations.SchemaOf(version).Except(Migrations.ReadSchema(connection)).FirstOrDefault() is { } lost)
                throw DatabaseRejectedException.Damaged(path, $"its {lost.Type} {lost.Name} is missing or different");
            return false;
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode == raw.SQLITE_NOTADB)
        {
            throw DatabaseRejectedException.Damaged(path, "its header is damaged, or it is not a database", exception);
        }
        catch (SqliteException exception) when (SqliteFaults.IsDamage(exception))
        {
            throw DatabaseRejectedException.Damaged(path, exception.Message, exception);
        }
    }

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}
