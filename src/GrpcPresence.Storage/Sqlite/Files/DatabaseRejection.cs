namespace GrpcPresence.Storage.Sqlite.Files;

/// <summary>Why a database file is not used.</summary>
public enum DatabaseRejection
{
    /// <summary>Another process, or another store of this one, has it open.</summary>
    InUse,

    /// <summary>Its structure is damaged.</summary>
    Damaged,

    /// <summary>It belongs to another application, or is no database at all.</summary>
    Foreign,

    /// <summary>A newer version of this program made its schema.</summary>
    NewerSchema,

    /// <summary>It does not exist.</summary>
    Missing,

    /// <summary>It exists and would be overwritten.</summary>
    Exists,
}
