using System.Runtime.InteropServices;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// SQLite's functions that read a column of the current row, called with the bare pointer of the statement. The library's wrappers count
/// references of a handle at each call, which takes longer than to read a number.
/// </summary>
/// <remarks>
/// The runtime's transition is suppressed where SQLite only reads what the last step has left in memory: such a call neither waits nor
/// allocates. The caller keeps the statement alive.
/// </remarks>
internal static class ColumnFunctions
{
    private const string Library = "e_sqlite3";

    private const DllImportSearchPath Places = DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories;

    /// <summary>Returns a number.</summary>
    [DllImport(Library, EntryPoint = "sqlite3_column_int64")]
    [DefaultDllImportSearchPaths(Places)]
    [SuppressGCTransition]
    public static extern long Int64(nint statement, int column);

    /// <summary>Returns the type of a value.</summary>
    [DllImport(Library, EntryPoint = "sqlite3_column_type")]
    [DefaultDllImportSearchPaths(Places)]
    [SuppressGCTransition]
    public static extern int Type(nint statement, int column);

    /// <summary>Returns the number of bytes of a text or a blob.</summary>
    [DllImport(Library, EntryPoint = "sqlite3_column_bytes")]
    [DefaultDllImportSearchPaths(Places)]
    [SuppressGCTransition]
    public static extern int Bytes(nint statement, int column);

    /// <summary>Returns the bytes of a text or a blob. They are valid until the statement moves.</summary>
    public static unsafe ReadOnlySpan<byte> Blob(nint statement, int column) =>
        new(Pointer(statement, column), Bytes(statement, column));

    [DllImport(Library, EntryPoint = "sqlite3_column_blob")]
    [DefaultDllImportSearchPaths(Places)]
    private static extern unsafe void* Pointer(nint statement, int column);
}
