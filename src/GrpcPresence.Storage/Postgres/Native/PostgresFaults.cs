using System.Net.Sockets;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>
/// Distinguishes errors of the storage, which are transient or need a repair outside, from bugs in this program, which must not be hidden.
/// </summary>
internal static class PostgresFaults
{
    /// <summary>The code with which the functions of the schema say that another node has taken the database.</summary>
    public const string Fenced = "GP001";

    /// <summary>The code with which they say that a commit is not the next one of the present writer.</summary>
    public const string NotNext = "GP002";

    /// <summary>The code with which they say that a commit names other data than the database has.</summary>
    public const string OtherData = "GP004";

    /// <summary>
    /// Whether the server, the network, the disk, or another process caused the error. A violated constraint, wrong data or wrong SQL is a
    /// bug.
    /// </summary>
    public static bool IsStorageFault(Exception exception) => exception switch
    {
        PostgresException postgres => IsStorageFault(postgres.SqlState),
        NpgsqlException or TimeoutException or IOException or SocketException or ObjectDisposedException => true,
        _ => false,
    };

    /// <summary>
    /// Whether the session has ended, because the connection was cut or because the server ended it. Not if the server does not answer in
    /// time.
    /// </summary>
    public static bool IsEndOfSession(Exception exception) => exception switch
    {
        PostgresException postgres => postgres.InvariantSeverity is "FATAL" or "PANIC",
        NpgsqlException npgsql => npgsql.InnerException is IOException or SocketException,
        _ => exception is IOException or SocketException,
    };

    /// <summary>Returns the port's exception for a storage error.</summary>
    public static StorageException Translate(Exception exception) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => new(
            "Another session holds a lock in the PostgreSQL database, such as a server or a command that starts on it. Stop it, or try "
                + "again.",
            exception),
        PostgresException postgres => new($"PostgreSQL failed with code {postgres.SqlState}: {postgres.MessageText}", exception),
        ObjectDisposedException => new("The store is closed.", exception),
        _ => new($"PostgreSQL does not answer: {exception.InnerException?.Message ?? exception.Message}", exception),
    };

    /// <summary>Returns the exception of opening: a rejection if trying again cannot help.</summary>
    public static Exception TranslateOpening(Exception exception, string database)
    {
        if (exception is not PostgresException postgres)
            return Translate(exception);
        return postgres.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
                PostgresRejectedException.Credentials(database, postgres.MessageText, exception),
            // PgBouncer has this code for all its errors. The others are temporary, such as a server behind it that is away.
            PostgresErrorCodes.ProtocolViolation when postgres.MessageText.StartsWith("unsupported startup", StringComparison.Ordinal) =>
                PostgresRejectedException.Pooler(database, postgres.MessageText, exception),
            PostgresErrorCodes.InvalidCatalogName => PostgresRejectedException.Missing(database, exception),
            PostgresErrorCodes.InsufficientPrivilege =>
                PostgresRejectedException.MissingRights(database, postgres.MessageText, exception),
            PostgresErrorCodes.ReadOnlySqlTransaction => PostgresRejectedException.ReadOnly(database),
            _ => Translate(exception),
        };
    }

    // By class, see "PostgreSQL Error Codes": connection, authorization (which may be revoked meanwhile), missing database, rollback,
    // resources, state of an object such as a lock, intervention of an operator, system, internal error, and those of this schema.
    private static bool IsStorageFault(string code) =>
        code[..2] is "08" or "25" or "28" or "3D" or "40" or "53" or "55" or "57" or "58" or "F0" or "XX" or "GP"
        || code is PostgresErrorCodes.InsufficientPrivilege
            // A pooler or a migration took away a prepared statement or a table. Reopening prepares again.
            or PostgresErrorCodes.InvalidSqlStatementName or PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction
            or PostgresErrorCodes.InvalidSchemaName or PostgresErrorCodes.FeatureNotSupported;
}
