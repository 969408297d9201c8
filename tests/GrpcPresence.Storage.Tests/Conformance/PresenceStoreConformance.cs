using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>The rules for every implementation of the storage port. Each sentence of the port's comments has a test here.</summary>
public abstract partial class PresenceStoreConformance
{
    /// <summary>The store under test. May be another object after <see cref="Restart"/>.</summary>
    protected abstract IPresenceStore Store { get; }

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Stops the store in an orderly way and starts it with the same data.</summary>
    protected abstract void Restart();

    /// <summary>Returns what another writer does: it gives all service instances this friendly name in one commit.</summary>
    protected abstract Action<string> OpenAnotherWriter();

    /// <summary>Makes a backup while the store is open.</summary>
    protected abstract object Backup();

    /// <summary>Replaces the data with a backup and starts the store.</summary>
    protected abstract void Restore(object backup);

    /// <summary>The writer of the store, which has collected nothing.</summary>
    internal StoreSession Session => StoreSession.Of(Store);

    /// <summary>Commits some rows.</summary>
    internal void Write(Action<StoreSession> write) => Write(session =>
    {
        write(session);
        return true;
    });

    /// <summary>Commits some rows.</summary>
    internal T Write<T>(Func<StoreSession, T> write)
    {
        var session = Session;
        var result = write(session);
        Assert.True(session.Commit().IsWhole);
        return result;
    }

    /// <summary>Purges some rows.</summary>
    protected int Purge(DateTimeOffset tombstonesBefore, int limit) =>
        Store.PurgeAsync(tombstonesBefore, limit).AsTask().GetAwaiter().GetResult();

    /// <summary>Returns the user as a batch reads it.</summary>
    internal UserRecord? ReadUser(ServiceRecord service, UserKey key) =>
        Session.Read(service.Sid, keys => keys.AddUser(new UserLookup(key))).Users[0];

    /// <summary>Adds a service instance at the revision. By default, reachability is on since revision 1.</summary>
    protected ServiceRecord AddService(int number = 1, long revision = 1, bool enabled = true) => Write(session =>
    {
        var service = Sample.Service(number);
        return session.InsertService(service with
        {
            Revision = revision,
            Configuration = service.Configuration with
            {
                ReachabilityEnabled = enabled,
                Revision = 1,
                SwitchRevision = 1,
                SwitchedOnRevision = enabled ? 1 : 0,
            },
        });
    });

    protected UserRecord AddUser(ServiceRecord service, UserRecord user) => Write(session => session.InsertUser(service.Id, user));

    protected void AddUsers(ServiceRecord service, params IEnumerable<UserRecord> users) => Write(session =>
    {
        foreach (var user in users)
            session.InsertUser(service.Id, user);
    });

    protected void TakeRevision(ServiceRecord service, long revision) =>
        Write(session => session.UpdateService(session.FindService(service.Sid)! with { Revision = revision }));

    /// <summary>Makes what was read of a service instance before stale.</summary>
    protected void Rename(ServiceRecord service) =>
        Write(session => session.UpdateService(session.FindService(service.Sid)! with { FriendlyName = "faster" }));

    protected async Task<UserRecord?> FindUser(ServiceRecord service, UserKey key) =>
        (await Store.FindUsersAsync(service.Sid, [key], Stop)).Users.SingleOrDefault()?.Record;

    protected static IEnumerable<Identity> Identities(IEnumerable<UserState> users) => users.Select(user => user.Identity);

    protected static async Task<ErrorReason> RejectionOf<T>(ValueTask<T> task) =>
        (await Assert.ThrowsAnyAsync<PresenceException>(async () => await task)).Reason;
}
