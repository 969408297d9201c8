using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Dapper;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.MicroBench.Fixture;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.MicroBench.Storage;

/// <summary>
/// Compares the writer's most frequent statements, prepared on SQLite's own API, through the driver and through Dapper:
/// docs/adr/0007-raw-sqlite.md. One operation is a transaction for 1,000 random users of 100,000, and its commit.
/// </summary>
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class PresenceWriteBenchmarks : IDisposable
{
    private const string UpdateText =
        """
        UPDATE users SET
            is_online = @IsOnline, known_revision = @KnownRevision, revision = @Revision, online_revision = @OnlineRevision,
            notifiable_revision = @NotifiableRevision, last_online_time = @LastOnlineTime
        WHERE id = @Id
        """;

    private const string FindText =
        """
        SELECT
            id AS Id, sid AS Sid, identity AS Identity, friendly_name AS FriendlyName, attributes AS Attributes, role_sid AS RoleSid,
            create_time AS CreateTime, update_time AS UpdateTime, is_online AS IsOnline, last_online_time AS LastOnlineTime,
            binding_count AS BindingCount, had_binding AS HadBinding, created_revision AS CreatedRevision,
            friendly_name_revision AS FriendlyNameRevision, attributes_revision AS AttributesRevision, role_revision AS RoleRevision,
            online_revision AS OnlineRevision, notifiable_revision AS NotifiableRevision, known_revision AS KnownRevision,
            revision AS Revision, quiet_reasons AS QuietReasons
        FROM users WHERE service_id = @ServiceId AND identity = @Identity
        """;

    private const int Changes = 1_000;

    private PresenceDatabase _database = null!;
    private SqliteCommand _update = null!;
    private UserRecord[] _users = [];

    private SqliteConnection Connection => _database.Writer.Connection;

    /// <summary>Fills a database.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _database = new PresenceDatabase(Scale.IsQuick ? Changes : 100 * Changes);
        _update = Connection.CreateCommand();
        _update.CommandText = UpdateText;
        foreach (var name in typeof(Update).GetProperties().Select(property => property.Name))
            _update.Parameters.Add(new SqliteParameter { ParameterName = "@" + name, SqliteType = SqliteType.Integer });
        _update.Prepare();
    }

    /// <summary>Selects the users and begins a transaction.</summary>
    [IterationSetup]
    public void Begin()
    {
        _users = _database.NextTransitions(Changes);
        _database.Writer.Begin();
    }

    /// <summary>Empties the log, so that no operation pays for another's.</summary>
    [IterationCleanup]
    public void Checkpoint() => _database.Writer.Checkpoint(bytes: 0, step: 0);

    /// <summary>Statements of this project.</summary>
    [Benchmark(Baseline = true, Description = "prepared statement")]
    [BenchmarkCategory("update")]
    public void UpdatePrepared()
    {
        foreach (var user in _users)
            _database.Writer.Statements.UpdatePresence(new PresenceWrite(user.Id, UserPresence.Of(user)));
        _database.Commit();
    }

    /// <summary>One command of the driver, prepared once.</summary>
    [Benchmark(Description = "prepared SqliteCommand")]
    [BenchmarkCategory("update")]
    public void UpdateWithDriver()
    {
        foreach (var user in _users)
        {
            _update.Parameters[0].Value = user.IsOnline;
            _update.Parameters[1].Value = user.KnownRevision;
            _update.Parameters[2].Value = user.Revision;
            _update.Parameters[3].Value = user.OnlineRevision;
            _update.Parameters[4].Value = user.NotifiableRevision;
            _update.Parameters[5].Value = user.LastOnlineTime is { } time ? time.UtcTicks : DBNull.Value;
            _update.Parameters[6].Value = user.Id;
            _update.ExecuteNonQuery();
        }
        _database.Commit();
    }

    /// <summary>Dapper, user by user, because the writer decides each change before it writes the next.</summary>
    [Benchmark(Description = "Dapper")]
    [BenchmarkCategory("update")]
    public void UpdateWithDapper()
    {
        foreach (var user in _users)
            Connection.Execute(UpdateText, Update.Of(user));
        _database.Commit();
    }

    /// <summary>Dapper with a list, for which it keeps one command.</summary>
    [Benchmark(Description = "Dapper, as a list")]
    [BenchmarkCategory("update")]
    public void UpdateListWithDapper()
    {
        Connection.Execute(UpdateText, _users.Select(Update.Of));
        _database.Commit();
    }

    /// <summary>Reads what a transition needs before it is decided.</summary>
    [Benchmark(Baseline = true, Description = "prepared statement")]
    [BenchmarkCategory("find")]
    public void FindPrepared()
    {
        foreach (var user in _users)
            _database.Writer.Statements.FindUser(_database.ServiceId, new UserLookup(new UserKey(user.Identity)));
        _database.Writer.RollBack();
    }

    /// <summary>The same with Dapper, into an object of simple types.</summary>
    [Benchmark(Description = "Dapper")]
    [BenchmarkCategory("find")]
    public void FindWithDapper()
    {
        foreach (var user in _users)
            Connection.QuerySingleOrDefault<Row>(FindText, new { _database.ServiceId, Identity = user.Identity.ToString() });
        _database.Writer.RollBack();
    }

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _update?.Dispose();
        _database?.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed record Update(
        bool IsOnline, long KnownRevision, long Revision, long OnlineRevision, long NotifiableRevision, long? LastOnlineTime, long Id)
    {
        public static Update Of(UserRecord user) => new(
            user.IsOnline, user.KnownRevision, user.Revision, user.OnlineRevision, user.NotifiableRevision,
            user.LastOnlineTime?.UtcTicks, user.Id);
    }

    private sealed class Row
    {
        public long Id { get; set; }

        public byte[] Sid { get; set; } = [];

        public string Identity { get; set; } = "";

        public string FriendlyName { get; set; } = "";

        public string Attributes { get; set; } = "";

        public string RoleSid { get; set; } = "";

        public long CreateTime { get; set; }

        public long UpdateTime { get; set; }

        public bool IsOnline { get; set; }

        public long? LastOnlineTime { get; set; }

        public long BindingCount { get; set; }

        public bool HadBinding { get; set; }

        public long CreatedRevision { get; set; }

        public long FriendlyNameRevision { get; set; }

        public long AttributesRevision { get; set; }

        public long RoleRevision { get; set; }

        public long OnlineRevision { get; set; }

        public long NotifiableRevision { get; set; }

        public long KnownRevision { get; set; }

        public long Revision { get; set; }

        public long QuietReasons { get; set; }
    }
}
