namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>Why a database file is rejected.</summary>
public enum DatabaseRejection
{
    /// <summary>Another process, or another store of this process, has the file open.</summary>
    InUse,

    /// <summary>The path of the lock file has something else than a plain file.</summary>
    LockUnusable,

    /// <summary>The structure of the file is damaged.</summary>
    Damaged,

    /// <summary>The file belongs to another application, or is not a database.</summary>
    Foreign,

    /// <summary>A newer version of this program created the schema.</summary>
    NewerSchema,

    /// <summary>An earlier version of this program created the schema, and the file must not be changed.</summary>
    OlderSchema,

    /// <summary>The file does not exist.</summary>
    Missing,

    /// <summary>The file exists and would be overwritten.</summary>
    Exists,

    /// <summary>The database that an import would fill has data.</summary>
    NotEmpty,
}
