using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>
/// A PostgreSQL database was rejected and not changed. Retrying does not help until someone has done what the message says, which is one
/// line. Transient errors, such as a server that cannot be reached, are <see cref="StorageException"/>.
/// </summary>
public sealed class PostgresRejectedException(PostgresRejection rejection, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The reason.</summary>
    public PostgresRejection Rejection { get; } = rejection;

    internal static PostgresRejectedException InvalidConnectionString(string finding, Exception inner) => new(
        PostgresRejection.InvalidConnectionString,
        $"The PostgreSQL connection string is not valid: {OneLine(finding)}.",
        inner);

    internal static PostgresRejectedException Pooler(string database, string finding, Exception? inner = null) => new(
        PostgresRejection.Pooler,
        $"A connection pooler in front of the PostgreSQL database {database} cannot be used: {OneLine(finding)}. Connect to the server "
            + "directly.",
        inner);

    internal static PostgresRejectedException InUse(string database) => new(
        PostgresRejection.InUse,
        $"The PostgreSQL database {database} is in use by another node. Stop that node first, or give this one a database of its own.");

    internal static PostgresRejectedException InUseByCluster(string database) => new(
        PostgresRejection.InUse,
        $"The PostgreSQL database {database} is in use by a cluster. Stop its nodes first, start this node as one of them, or give it a "
            + "database of its own.");

    internal static PostgresRejectedException InUseAlone(string database) => new(
        PostgresRejection.InUse,
        $"The PostgreSQL database {database} is in use by a node without a cluster. Stop that node first.");

    internal static PostgresRejectedException OtherCluster(string database, string found, string given) => new(
        PostgresRejection.OtherCluster,
        $"The PostgreSQL database {database} belongs to the cluster '{OneLine(found)}', and this node to the cluster '{OneLine(given)}'. "
            + "Correct the name of the cluster, or use another database.");

    internal static PostgresRejectedException OtherSecret(string database) => new(
        PostgresRejection.OtherSecret,
        $"The secret of this node is not the one of the cluster that uses the PostgreSQL database {database}. Give all nodes the same "
            + "secret file.");

    internal static PostgresRejectedException Credentials(string database, string finding, Exception inner) => new(
        PostgresRejection.Credentials,
        $"The PostgreSQL server rejected the login for {database}: {OneLine(finding)}. Correct the user or the password of the "
            + "connection string.",
        inner);

    internal static PostgresRejectedException Missing(string database, Exception inner) => new(
        PostgresRejection.Missing,
        $"The PostgreSQL database {database} does not exist. Create it with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        inner);

    internal static PostgresRejectedException NoSchema(string database) => new(
        PostgresRejection.Missing,
        $"No schema of the search path exists in the PostgreSQL database {database}. Create the schema, or correct 'Search Path'.");

    internal static PostgresRejectedException MissingRights(string database, string finding, Exception? inner = null) => new(
        PostgresRejection.MissingRights,
        $"Rights are missing in the PostgreSQL database {database}: {OneLine(finding)}. Make the role the owner of the database.",
        inner);

    internal static PostgresRejectedException OldServer(string database, Version found, Version oldest) => new(
        PostgresRejection.OldServer,
        $"The server of the PostgreSQL database {database} has version {found}. Version {oldest.Major} or newer is required.");

    internal static PostgresRejectedException Encoding(string database, string encoding) => new(
        PostgresRejection.Encoding,
        $"The PostgreSQL database {database} has the encoding {encoding}. Create it with: ENCODING 'UTF8' TEMPLATE template0.");

    internal static PostgresRejectedException Standby(string database) => new(
        PostgresRejection.ReadOnly,
        $"The server of the PostgreSQL database {database} is a read-only standby. Connect to the primary server.");

    internal static PostgresRejectedException ReadOnly(string database) => new(
        PostgresRejection.ReadOnly,
        $"The PostgreSQL database {database} is read-only (default_transaction_read_only). Make it writable, or use another one.");

    internal static PostgresRejectedException Foreign(string database) => new(
        PostgresRejection.Foreign,
        $"The PostgreSQL database {database} has tables of another application. Use an empty database or schema.");

    internal static PostgresRejectedException OtherSchema(string database) => new(
        PostgresRejection.OtherSchema,
        $"The PostgreSQL database {database} has the server's tables in a schema that is not the first one of the search path. "
            + "Name that schema with 'Search Path', or drop the one before it.");

    internal static PostgresRejectedException NewerSchema(string database, long found, long known) => new(
        PostgresRejection.NewerSchema,
        $"The PostgreSQL database {database} has schema version {found}; this program knows versions up to {known}. "
            + "Run the newer program, or restore a dump that this one made.");

    internal static PostgresRejectedException Damaged(string database, string part) => new(
        PostgresRejection.Damaged,
        $"The PostgreSQL database {database} is damaged: {part} is missing. Restore a backup into an empty database, and let it finish.");

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.');
}
