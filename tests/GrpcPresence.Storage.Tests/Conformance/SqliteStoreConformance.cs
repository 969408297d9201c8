using Dapper;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class SqliteStoreConformance : PresenceStoreConformance, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private SqlitePresenceStore _store;
    private SqliteConnection? _outside;

    public SqliteStoreConformance() => _store = Open();

    protected override IPresenceStore Store => _store;

    public void Dispose()
    {
        _outside?.Dispose();
        _store.Dispose();
        _directory.Dispose();
    }

    protected override void Restart()
    {
        _store.Dispose();
        _store = Open();
    }

    protected override Action<string> OpenAnotherWriter()
    {
        _outside = new SqliteConnection($"Data Source={_store.Path};Pooling=false");
        _outside.Open();
        return name => _outside.Execute("BEGIN IMMEDIATE; UPDATE services SET friendly_name = @Name; COMMIT", new { Name = name });
    }

    protected override object Backup()
    {
        var backup = _directory.File("backup.db");
        SqliteBackup.Backup(_store.Path, backup);
        return backup;
    }

    protected override void Restore(object backup)
    {
        var path = _store.Path;
        _store.Dispose();
        SqliteBackup.Restore((string)backup, path);
        _store = Open();
    }

    private SqlitePresenceStore Open() => new(new SqliteStoreOptions { Path = _directory.File("presence.db") });
}
