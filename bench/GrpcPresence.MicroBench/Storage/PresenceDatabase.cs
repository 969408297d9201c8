using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
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
    private long _transaction;

    /// <param name="users">Number of users.</param>
    public PresenceDatabase(int users)
    {
        var path = _directory.File("presence.db");
        using (var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = path }))
        using (var transaction = store.BeginTransaction())
        {
            var service = transaction.InsertService(NewService());
            ServiceId = service.Id;
            _users = [.. Enumerable.Range(0, users).Select(user => Insert(transaction, service, user))];
            transaction.Commit();
        }
        var connection = new ConnectionFactory(path, TimeSpan.FromSeconds(1)).OpenWriter(SqliteOpenMode.ReadWrite);
        ConnectionFactory.UseWriteAheadLog(connection);
        Writer = new WriteConnection(connection);
    }

    /// <summary>The connection.</summary>
    public WriteConnection Writer { get; }

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId { get; }

    /// <summary>Returns a transition of each of some random users.</summary>
    public UserRecord[] NextTransitions(int count) => Array.ConvertAll(
        _random.GetItems(_users, count), user => user with { Revision = ++_revision, OnlineRevision = _revision });

    /// <summary>Commits, as the writer does.</summary>
    public void Commit() => Writer.Commit(++_transaction);

    public void Dispose()
    {
        Writer.Dispose();
        _directory.Dispose();
    }

    private UserRecord Insert(IStoreTransaction transaction, ServiceRecord service, int user) =>
        transaction.InsertUser(service.Id, Sample.State(service, user, ++_revision).Record!);

    private static ServiceRecord NewService() => new()
    {
        Sid = default,
        FriendlyName = "",
        CreateTime = default,
        UpdateTime = default,
        Configuration = new ServiceConfiguration(),
    };
}
