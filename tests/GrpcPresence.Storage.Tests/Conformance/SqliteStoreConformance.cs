using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class SqliteStoreConformance : PresenceStoreConformance, IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private SqlitePresenceStore _store;

    public SqliteStoreConformance() => _store = Open();

    protected override IPresenceStore Store => _store;

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    protected override void Restart()
    {
        _store.Dispose();
        _store = Open();
    }

    private SqlitePresenceStore Open() => new(new SqliteStoreOptions { Path = _directory.File("presence.db") });
}
