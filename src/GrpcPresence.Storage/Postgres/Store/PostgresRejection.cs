namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Why a PostgreSQL database is rejected.</summary>
public enum PostgresRejection
{
    /// <summary>The connection string is not valid.</summary>
    InvalidConnectionString,

    /// <summary>A pooler such as PgBouncer does not pass on what the sessions need.</summary>
    Pooler,

    /// <summary>Another node uses the database.</summary>
    InUse,

    /// <summary>The database belongs to another cluster.</summary>
    OtherCluster,

    /// <summary>The other nodes of the cluster have another secret.</summary>
    OtherSecret,

    /// <summary>The server does not accept the role or its password.</summary>
    Credentials,

    /// <summary>The database or the schema does not exist.</summary>
    Missing,

    /// <summary>The role may not do what the service needs.</summary>
    MissingRights,

    /// <summary>The server is too old.</summary>
    OldServer,

    /// <summary>The encoding of the database is not UTF-8.</summary>
    Encoding,

    /// <summary>The server is a standby, or the database is read-only.</summary>
    ReadOnly,

    /// <summary>The database belongs to another application.</summary>
    Foreign,

    /// <summary>The tables are in another schema than the first one of the search path.</summary>
    OtherSchema,

    /// <summary>A newer version of this program created the schema, and this one cannot use it.</summary>
    NewerSchema,

    /// <summary>A part of the schema is missing.</summary>
    Damaged,
}
