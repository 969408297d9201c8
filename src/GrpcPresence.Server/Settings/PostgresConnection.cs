using Npgsql;

namespace GrpcPresence.Server.Settings;

/// <summary>Where the PostgreSQL database is. Two values are equal if their texts are equal.</summary>
internal sealed record PostgresConnection
{
    private readonly string _target;

    private PostgresConnection(string text, string target) => (ConnectionString, _target) = (text, target);

    /// <summary>The connection string. It may contain a password, so it is never printed or logged.</summary>
    public string ConnectionString { get; }

    /// <summary>Parses a connection string. Returns null if it is malformed, has an unknown keyword, or names no host.</summary>
    public static PostgresConnection? Read(string text) => Parse(text) is { Host.Length: > 0 } builder
        ? new PostgresConnection(text, $"{Hosts(builder)}/{builder.Database ?? builder.Username}")
        : null;

    /// <summary>Whether the connection string contains a password. A malformed one is rejected for its form instead.</summary>
    public static bool HasPassword(string text) => Parse(text) is { } builder && (builder.Password ?? builder.SslPassword) is not null;

    /// <summary>Returns the host, the port and the database, which may be printed.</summary>
    public override string ToString() => _target;

    // Each of several hosts may have a port of its own.
    private static string Hosts(NpgsqlConnectionStringBuilder builder) =>
        builder.Host!.Contains(',', StringComparison.Ordinal) ? builder.Host : $"{builder.Host}:{builder.Port}";

    private static NpgsqlConnectionStringBuilder? Parse(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException)
        {
            return null;
        }
    }
}
