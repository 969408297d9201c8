using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Sqlite.Store;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// The row that a statement stands at, read without boxes and without the column metadata that ADO.NET looks up: catching up a watcher and starting
/// after a crash read rows by the million. Valid until it moves.
/// </summary>
internal readonly ref struct Row(sqlite3_stmt statement)
{
    private readonly sqlite3_stmt _row = statement;

    /// <summary>A number.</summary>
    public long Int64(int column) => raw.sqlite3_column_int64(_row, column);

    /// <summary>A flag, kept as 0 or 1.</summary>
    public bool Flag(int column) => Int64(column) != 0;

    /// <summary>A moment, kept as ticks of UTC.</summary>
    public DateTimeOffset Time(int column) => new(Int64(column), TimeSpan.Zero);

    /// <summary>A moment or null.</summary>
    public DateTimeOffset? OptionalTime(int column) =>
        raw.sqlite3_column_type(_row, column) == raw.SQLITE_NULL ? null : Time(column);

    /// <summary>A duration, kept as ticks.</summary>
    public TimeSpan Duration(int column) => new(Int64(column));

    /// <summary>The 128 bits of a SID.</summary>
    public UInt128 Sid(int column) => SidBytes.Read(raw.sqlite3_column_blob(_row, column));

    /// <summary>A text. Read by its length: a text may hold the character U+0000.</summary>
    public string Text(int column)
    {
        var bytes = raw.sqlite3_column_blob(_row, column);
        // Most attributes are the empty object: one string for all of them.
        return bytes.SequenceEqual("{}"u8) ? "{}" : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The SID of a role, or none.</summary>
    public RoleSid Role(int column) => RoleSid.TryParse(Text(column), out var sid) ? sid : default;
}
