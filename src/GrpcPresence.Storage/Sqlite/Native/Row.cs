using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Formats;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// The current row of a statement. Reads it without boxing and without ADO.NET's lookup of column metadata, because watchers that catch up
/// and a start after a crash read millions of rows. Valid until the statement moves.
/// </summary>
internal readonly ref struct Row(nint statement)
{
    private readonly nint _row = statement;

    /// <summary>Reads a number.</summary>
    public long Int64(int column) => ColumnFunctions.Int64(_row, column);

    /// <summary>Reads a flag, stored as 0 or 1.</summary>
    public bool Flag(int column) => Int64(column) != 0;

    /// <summary>Reads a time, stored as ticks of UTC.</summary>
    public DateTimeOffset Time(int column) => new(Int64(column), TimeSpan.Zero);

    /// <summary>Reads a time or null.</summary>
    public DateTimeOffset? OptionalTime(int column) =>
        ColumnFunctions.Type(_row, column) == raw.SQLITE_NULL ? null : Time(column);

    /// <summary>Reads a duration, stored as ticks.</summary>
    public TimeSpan Duration(int column) => new(Int64(column));

    /// <summary>Reads the 128 bits of a SID.</summary>
    public UInt128 Sid(int column) => SidBytes.Read(ColumnFunctions.Blob(_row, column));

    /// <summary>Reads a text by its length, because a text may contain the character U+0000.</summary>
    public string Text(int column)
    {
        var bytes = ColumnFunctions.Blob(_row, column);
        // Most attributes are the empty object, so all users share one string for it.
        return bytes.SequenceEqual("{}"u8) ? "{}" : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Returns the bytes of a text.</summary>
    public int Bytes(int column) => ColumnFunctions.Bytes(_row, column);

    /// <summary>Reads the SID of a role, which may be empty.</summary>
    public RoleSid Role(int column) => Bytes(column) > 0 && RoleSid.TryParse(Text(column), out var sid) ? sid : default;
}
