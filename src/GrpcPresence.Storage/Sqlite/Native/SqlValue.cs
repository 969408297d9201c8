using System.Text;
using GrpcPresence.Storage.Formats;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>The value of a parameter, without boxing.</summary>
internal readonly struct SqlValue
{
    private const int StackBytes = 512;

    private readonly Kind _kind;
    private readonly long _number;
    private readonly string? _text;
    private readonly UInt128 _sid;

    private SqlValue(Kind kind, long number = 0, string? text = null, UInt128 sid = default) =>
        (_kind, _number, _text, _sid) = (kind, number, text, sid);

    private enum Kind : byte
    {
        Null,
        Number,
        Text,
        Sid,
    }

    public static implicit operator SqlValue(long number) => new(Kind.Number, number);

    public static implicit operator SqlValue(bool flag) => new(Kind.Number, flag ? 1 : 0);

    public static implicit operator SqlValue(string text) => new(Kind.Text, text: text);

    /// <summary>A SID is stored as its bytes.</summary>
    public static implicit operator SqlValue(UInt128 sid) => new(Kind.Sid, sid: sid);

    /// <summary>A time is stored as ticks of UTC.</summary>
    public static implicit operator SqlValue(DateTimeOffset time) => time.UtcTicks;

    /// <summary>A time or null.</summary>
    public static implicit operator SqlValue(DateTimeOffset? time) => time is { } moment ? moment : default(SqlValue);

    /// <summary>A duration is stored as ticks.</summary>
    public static implicit operator SqlValue(TimeSpan duration) => duration.Ticks;

    /// <summary>Binds the parameter with this number, counted from 1.</summary>
    public void Bind(sqlite3_stmt statement, int place) => SqliteException.ThrowExceptionForRC(
        _kind switch
        {
            Kind.Null => raw.sqlite3_bind_null(statement, place),
            Kind.Number => raw.sqlite3_bind_int64(statement, place, _number),
            Kind.Text => BindText(statement, place, _text!),
            _ => BindSid(statement, place, _sid),
        },
        raw.sqlite3_db_handle(statement));

    private static int BindText(sqlite3_stmt statement, int place, string text)
    {
        // An empty span has no address, so SQLite would store null.
        if (text.Length == 0)
            return raw.sqlite3_bind_text(statement, place, "");
        if (Encoding.UTF8.GetMaxByteCount(text.Length) > StackBytes)
            return raw.sqlite3_bind_text(statement, place, Encoding.UTF8.GetBytes(text).AsSpan());
        Span<byte> bytes = stackalloc byte[StackBytes];
        return raw.sqlite3_bind_text(statement, place, bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }

    private static int BindSid(sqlite3_stmt statement, int place, UInt128 sid)
    {
        Span<byte> bytes = stackalloc byte[16];
        SidBytes.Write(bytes, sid);
        return raw.sqlite3_bind_blob(statement, place, bytes);
    }
}
