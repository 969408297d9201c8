using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing;
using GrpcPresence.Storage.Sqlite.Store;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>Fills databases through the storage port, because filling them over the network would take long.</summary>
internal static class PreparedDatabase
{
    private const int UsersPerCommit = 10_000; // PostgreSQL cancels a commit that takes 5 s

    /// <summary>Creates a SQLite database. See <see cref="Fill"/>.</summary>
    public static void Create(string path, int users, bool online, TimeSpan sessionTimeout)
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = path });
        Fill(store, users, online, sessionTimeout);
    }

    /// <summary>
    /// Adds a service instance that has reachability switched on to an empty store. All its users are known: online as after a <c>kill
    /// -9</c>, or offline.
    /// </summary>
    public static void Fill(IPresenceStore store, int users, bool online, TimeSpan sessionTimeout)
    {
        var now = DateTimeOffset.UtcNow;
        var service = new ServiceRecord
        {
            Id = 1,
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
        };
        var position = Wait(store.ReopenAsync());
        var number = position.LastCommit;
        var first = RowKeys.FirstOf(service.Id);
        var writes = new BatchWrites { Generation = position.Generation };
        for (var done = 0; done == 0 || done < users; done += UsersPerCommit)
        {
            writes.Clear();
            writes.Number = ++number;
            var after = new StoredService(service, Version: done / UsersPerCommit, first + users, first);
            var empty = new StoredService(service with { Revision = 0, UserCount = 0 }, Version: 0, first, first);
            var rows = writes.AddService(done == 0 ? empty : after, after);
            (rows.IsNew, rows.ChangesSettings) = (done == 0, true);
            for (var user = done; user < Math.Min(done + UsersPerCommit, users); user++)
            {
                var revision = user + 2;
                rows.NewUsers.Add(new UserRecord
                {
                    Id = first + user,
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
            if (!Wait(store.CommitAsync(writes)).IsWhole)
                throw new InvalidOperationException("Another process writes to the database.");
        }
    }

    private static T Wait<T>(ValueTask<T> call) => call.AsTask().GetAwaiter().GetResult();
}
