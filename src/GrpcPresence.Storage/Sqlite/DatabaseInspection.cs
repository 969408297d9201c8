using Dapper;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite;

/// <summary>Looks at a database before it is used, without altering it.</summary>
internal static class DatabaseInspection
{
    /// <summary>"GrPr"; the first migration writes it.</summary>
    private const long ApplicationId = 0x47725072;

    /// <summary>
    /// Refuses a database whose log stands beside it while the file itself is gone or empty: SQLite would begin anew and delete the log.
    /// </summary>
    public static void CheckFiles(string path)
    {
        if (Length(path) == 0 && Length(path + "-wal") > 0)
            throw DatabaseRefusedException.Damaged(path, "the file is missing or empty, but its write-ahead log is not");
    }

    /// <summary>Refuses a database that is not this service's, is of a newer version of it, or is damaged. A new, empty one is fine.</summary>
    public static void Check(SqliteConnection connection, string path)
    {
        try
        {
            var application = connection.ExecuteScalar<long>("PRAGMA application_id");
            var version = connection.ExecuteScalar<long>("PRAGMA user_version");
            var isEmpty = connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema") == 0;
            if (isEmpty && application == 0 && version == 0)
                return;
            if (application != ApplicationId)
                throw DatabaseRefusedException.Foreign(path);
            if (version > Migrations.Latest)
                throw DatabaseRefusedException.NewerSchema(path, version, Migrations.Latest);
            if (connection.QueryFirst<string>("PRAGMA quick_check(1)") is var finding && finding != "ok")
                throw DatabaseRefusedException.Damaged(path, finding);
        }
        catch (SqliteException fault) when (SqliteFaults.IsDamage(fault))
        {
            throw DatabaseRefusedException.Damaged(path, fault.Message, fault);
        }
    }

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}
