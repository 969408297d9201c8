using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.MicroBench.Fixture;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.MicroBench.Storage;

/// <summary>A database of one service instance with many users, and a connection configured like the store's writer.</summary>
internal sealed class PresenceDatabase : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Random _random = new(1);
    private readonly UserRecord[] _users;
    private long _revision;
    private long _commit;

    /// <param name="users">Number of users.</param>
    public PresenceDatabase(int users)
    {
        var path = _directory.File("presence.db");
        using (var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = path }))
        {
            var position = store.ReopenAsync().AsTask().GetAwaiter().GetResult();
            var service = NewService() with { Id = ServiceId };
            var first = RowKeys.FirstOf(ServiceId);
            _users =
            [
                .. Enumerable.Range(0, users)
                    .Select(user => Sample.State(service, user, ++_revision).Record! with { Id = first + user }),
            ];
            var writes = new BatchWrites { Generation = position.Generation, Number = ++_commit };
            var rows = writes.AddService(new StoredService(service, 0, first, first), new StoredService(service, 0, first + users, first));
            rows.IsNew = true;
            rows.NewUsers.AddRange(_users);
            store.CommitAsync(writes).AsTask().GetAwaiter().GetResult();
        }
        var connection = new ConnectionFactory(path, TimeSpan.FromSeconds(1)).OpenWriter(SqliteOpenMode.ReadWrite);
        ConnectionFactory.UseWriteAheadLog(connection);
        Writer = new WriteConnection(connection, timeline: default);
    }

    /// <summary>The connection.</summary>
    public WriteConnection Writer { get; }

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId { get; } = 1;

    /// <summary>Returns a transition of each of some random users.</summary>
    public UserRecord[] NextTransitions(int count) => Array.ConvertAll(
        _random.GetItems(_users, count), user => user with { Revision = ++_revision, OnlineRevision = _revision });

    /// <summary>Commits, as the writer does.</summary>
    public void Commit() => Writer.Commit(++_commit);

    public void Dispose()
    {
        Writer.Dispose();
        _directory.Dispose();
    }

    private static ServiceRecord NewService() => new()
    {
        Sid = default,
        FriendlyName = "",
        CreateTime = default,
        UpdateTime = default,
        Configuration = new ServiceConfiguration(),
    };
}
