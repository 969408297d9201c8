using GrpcPresence.Bench.Scenarios;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace GrpcPresence.Bench.InProcess;

/// <summary>
/// The cost of the disk and SQLite alone. A prepared statement writes what a transition writes into the row of the heartbeat's user, one
/// writes the ended session where a user goes offline, and another writes the revision of the service instance once per commit. It reads
/// nothing, decides nothing and publishes nothing.
/// </summary>
internal sealed class BareLoop : IDisposable
{
    private const long LogBytesBeforeCheckpoint = 64L * 1024 * 1024; // the same as the store's
    private const int BytesOfFrame = 4096 + 24;

    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt _begin;
    private readonly sqlite3_stmt _commit;
    private readonly sqlite3_stmt _updateUser;
    private readonly sqlite3_stmt _updateService;
    private readonly sqlite3_stmt _endSession;
    private readonly long _service;
    private long _revision;

    /// <summary>Opens the database with the settings of the store.</summary>
    public BareLoop(string path)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ConnectionString);
        _connection.Open();
        Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536");
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _updateUser = Prepare(
            """
            UPDATE users SET is_online = ?, revision = ?, online_revision = ?, last_online_time = ? WHERE service_id = ? AND identity = ?
            """);
        _updateService = Prepare("UPDATE services SET revision = ?");
        _endSession = Prepare("INSERT INTO ended_sessions (service_id, identity, session_id, until) VALUES (?, ?, ?, ?)");
        using var command = _connection.CreateCommand();
        command.CommandText = "SELECT id, revision FROM services";
        using var rows = command.ExecuteReader();
        rows.Read();
        (_service, _revision) = (rows.GetInt64(0), rows.GetInt64(1));
    }

    /// <summary>Writes the same rows as <see cref="WriterLoop.Run"/>.</summary>
    public void Run(int[] users, int batch, int round)
    {
        var online = round % 2 == 0 ? 1 : 0;
        foreach (var some in users.Chunk(batch))
        {
            Step(_begin);
            var now = DateTime.UtcNow.Ticks;
            foreach (var user in some)
            {
                raw.sqlite3_bind_int64(_updateUser, 1, online);
                raw.sqlite3_bind_int64(_updateUser, 2, ++_revision);
                raw.sqlite3_bind_int64(_updateUser, 3, _revision);
                if (online == 1)
                    raw.sqlite3_bind_null(_updateUser, 4);
                else
                    raw.sqlite3_bind_int64(_updateUser, 4, now);
                raw.sqlite3_bind_int64(_updateUser, 5, _service);
                raw.sqlite3_bind_text(_updateUser, 6, Population.IdentityOf(user));
                Step(_updateUser);
                if (online == 0)
                    EndSession(user, Population.Session(user, round / 2).ToString(), now);
            }
            raw.sqlite3_bind_int64(_updateService, 1, _revision);
            Step(_updateService);
            Step(_commit);
            Checkpoint();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _begin.Dispose();
        _commit.Dispose();
        _updateUser.Dispose();
        _updateService.Dispose();
        _endSession.Dispose();
        _connection.Dispose();
    }

    private void EndSession(int user, string session, long until)
    {
        raw.sqlite3_bind_int64(_endSession, 1, _service);
        raw.sqlite3_bind_text(_endSession, 2, Population.IdentityOf(user));
        raw.sqlite3_bind_text(_endSession, 3, session);
        raw.sqlite3_bind_int64(_endSession, 4, until);
        Step(_endSession);
    }

    private void Checkpoint()
    {
        raw.sqlite3_db_status(_connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, resetFlg: 0);
        if ((long)pages * BytesOfFrame < LogBytesBeforeCheckpoint)
            return;
        raw.sqlite3_wal_checkpoint_v2(_connection.Handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _);
        raw.sqlite3_db_status(_connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out _, out _, resetFlg: 1);
    }

    private sqlite3_stmt Prepare(string sql)
    {
        SqliteException.ThrowExceptionForRC(
            raw.sqlite3_prepare_v3(_connection.Handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement), _connection.Handle);
        return statement;
    }

    private void Step(sqlite3_stmt statement)
    {
        if (raw.sqlite3_step(statement) is not (raw.SQLITE_DONE or raw.SQLITE_ROW) and var error)
            SqliteException.ThrowExceptionForRC(error, _connection.Handle);
        _ = raw.sqlite3_reset(statement);
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
