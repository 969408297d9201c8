using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Writing;
using GrpcPresence.Storage.Sqlite.Store;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>Fills databases through the storage port, because filling them over the network would take long.</summary>
internal static class PreparedDatabase
{
    private const int UsersPerTransaction = 50_000;

    /// <summary>
    /// Creates a database with a service instance that has reachability switched on. All its users are known: online as after a <c>kill
    /// -9</c>, or offline.
    /// </summary>
    public static void Create(string path, int users, bool online, TimeSpan sessionTimeout)
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = path });
        var now = DateTimeOffset.UtcNow;
        var service = Commit(store, transaction => transaction.InsertService(new ServiceRecord
        {
            Sid = Population.Service(),
            FriendlyName = "",
            CreateTime = now,
            UpdateTime = now,
            Revision = users + 1,
            UserCount = users,
            Configuration = new ServiceConfiguration
            {
                ReachabilityEnabled = true,
                HeartbeatInterval = TimeSpan.FromSeconds(1),
                SessionTimeout = sessionTimeout,
                Revision = 1,
                SwitchedOnRevision = 1,
                SwitchRevision = 1,
                UpdateTime = now,
            },
        }));
        foreach (var some in Enumerable.Range(0, users).Chunk(UsersPerTransaction))
        {
            Commit(store, transaction =>
            {
                foreach (var user in some)
                {
                    var revision = user + 2;
                    transaction.InsertUser(service.Id, new UserRecord
                    {
                        Sid = RandomSids.NewUserSid(),
                        Identity = Population.Identity(user),
                        CreateTime = now,
                        UpdateTime = now,
                        CreatedRevision = revision,
                        Revision = revision,
                        KnownRevision = revision,
                        OnlineRevision = revision,
                        IsOnline = online,
                        LastOnlineTime = online ? null : now,
                    });
                }
                return users;
            });
        }
    }

    private static T Commit<T>(SqlitePresenceStore store, Func<IStoreTransaction, T> write)
    {
        using var transaction = store.BeginTransaction();
        var written = write(transaction);
        transaction.Commit();
        return written;
    }
}
