using System.Text;
using GrpcPresence.Core.Domain.Services;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Native;

/// <summary>The current row of a reader, without boxing.</summary>
internal readonly struct Row(NpgsqlDataReader reader)
{
    /// <summary>Reads a number.</summary>
    public long Int64(int column) => reader.GetInt64(column);

    /// <summary>Reads a number or null.</summary>
    public long? OptionalInt64(int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    /// <summary>Reads a small number.</summary>
    public int Int32(int column) => reader.GetInt32(column);

    /// <summary>Reads a flag.</summary>
    public bool Flag(int column) => reader.GetBoolean(column);

    /// <summary>Reads a time, stored as ticks of UTC.</summary>
    public DateTimeOffset Time(int column) => new(Int64(column), TimeSpan.Zero);

    /// <summary>Reads a time or null.</summary>
    public DateTimeOffset? OptionalTime(int column) => reader.IsDBNull(column) ? null : Time(column);

    /// <summary>Reads a duration, stored as ticks.</summary>
    public TimeSpan Duration(int column) => new(Int64(column));

    /// <summary>Reads an id, such as that of a timeline.</summary>
    public Guid Guid(int column) => reader.GetGuid(column);

    /// <summary>Reads the 128 bits of a SID.</summary>
    public UInt128 Sid(int column) => SidGuid.Read(reader.GetGuid(column));

    /// <summary>Reads the 128 bits of a SID or null.</summary>
    public UInt128? OptionalSid(int column) => reader.IsDBNull(column) ? null : Sid(column);

    /// <summary>Reads a text that is stored as bytes.</summary>
    public string Text(int column)
    {
        var bytes = reader.GetFieldValue<byte[]>(column);
        // Most attributes are the empty object, so all users share one string for it.
        return bytes.AsSpan().SequenceEqual("{}"u8) ? "{}" : Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Reads a text that is stored as text, such as a SID of a role.</summary>
    public string Ascii(int column) => reader.GetString(column);

    /// <summary>Reads a text that is stored as text, or null.</summary>
    public string? OptionalAscii(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>Reads the SID of a role, which may be empty.</summary>
    public RoleSid Role(int column) => Ascii(column) is { Length: > 0 } text && RoleSid.TryParse(text, out var sid) ? sid : default;

    /// <summary>Reads a time of the server's clock.</summary>
    public DateTimeOffset Clock(int column) => new(reader.GetDateTime(column));

    /// <summary>Reads an array of texts that are stored as text.</summary>
    public string[] Texts(int column) => reader.GetFieldValue<string[]>(column);

    /// <summary>Whether the column is null.</summary>
    public bool IsNull(int column) => reader.IsDBNull(column);
}
