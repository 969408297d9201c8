using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Storage.Sqlite.Store;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Native;

/// <summary>
/// A read-only connection with its prepared statements. While a caller rents the connection, a deferred transaction is open, so that all
/// its reads see the same commit.
/// </summary>
internal sealed class Reader : IDisposable
{
    private const string FindService = $"SELECT {Columns.OfService} FROM services AS s WHERE s.sid = $sid AND s.is_deleted = 0";

    private const string FindServiceById = $"SELECT {Columns.OfService} FROM services AS s WHERE s.id = $id AND s.is_deleted = 0";

    private const string BeginDeferred = "BEGIN";

    private const string Commit = "COMMIT";

    // By reference: the texts are constants, and hashing a long one costs more than finding a user.
    private readonly Dictionary<string, Statement> _statements = new(ReferenceEqualityComparer.Instance);

    /// <param name="connection">The connection.</param>
    /// <param name="timeline">The timeline of the store.</param>
    public Reader(SqliteConnection connection, Guid timeline) => (Connection, Timeline) = (connection, timeline);

    /// <summary>The connection, for statements that are too rare to be kept prepared.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>The timeline of the store.</summary>
    public Guid Timeline { get; }

    /// <summary>Begins the read transaction.</summary>
    public void Begin() => Prepare(BeginDeferred).Execute();

    /// <summary>Ends the read transaction.</summary>
    public void End() => Prepare(Commit).Execute();

    /// <summary>Returns the statement, prepared at its first use on this connection. The text must be a constant.</summary>
    public Statement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
            _statements.Add(sql, statement = new Statement(Connection, sql));
        return statement;
    }

    /// <summary>Returns the service instance; null if it does not exist or was deleted.</summary>
    public ServiceRecord? TryService(ServiceSid sid)
    {
        using var rows = Prepare(FindService).Bind(sid.Value).Query();
        return rows.Read() ? Columns.ReadService(rows.Row, Timeline) : null;
    }

    /// <summary>Returns the service instance with the store's key; null if it was deleted.</summary>
    public ServiceRecord? TryService(long id)
    {
        using var rows = Prepare(FindServiceById).Bind(id).Query();
        return rows.Read() ? Columns.ReadService(rows.Row, Timeline) : null;
    }

    /// <summary>Returns the service instance.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound.</exception>
    public ServiceRecord Service(ServiceSid sid) => TryService(sid) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in _statements.Values)
            statement.Dispose();
        Connection.Dispose();
    }
}
