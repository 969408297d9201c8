using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>The rules for every implementation of the storage port. Each sentence of the port's comments has a test here.</summary>
public abstract partial class PresenceStoreConformance
{
    /// <summary>The store under test. May be another object after <see cref="Restart"/>.</summary>
    protected abstract IPresenceStore Store { get; }

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Stops the store in an orderly way and starts it with the same data.</summary>
    protected abstract void Restart();

    /// <summary>Makes a backup while the store is open.</summary>
    protected abstract object Backup();

    /// <summary>Replaces the data with a backup and starts the store.</summary>
    protected abstract void Restore(object backup);

    protected void Write(Action<IStoreTransaction> write)
    {
        using var transaction = Store.BeginTransaction();
        write(transaction);
        transaction.Commit();
    }

    protected T Write<T>(Func<IStoreTransaction, T> write)
    {
        using var transaction = Store.BeginTransaction();
        var result = write(transaction);
        transaction.Commit();
        return result;
    }

    /// <summary>Adds a service instance at the revision. By default, reachability is on since revision 1.</summary>
    protected ServiceRecord AddService(int number = 1, long revision = 1, bool enabled = true) => Write(transaction =>
    {
        var service = transaction.InsertService(Sample.Service(number));
        service = service with
        {
            Revision = revision,
            Configuration = service.Configuration with
            {
                ReachabilityEnabled = enabled,
                Revision = 1,
                SwitchRevision = 1,
                SwitchedOnRevision = enabled ? 1 : 0,
            },
        };
        transaction.UpdateService(service);
        return service;
    });

    protected UserRecord AddUser(ServiceRecord service, UserRecord user) => Write(transaction => transaction.InsertUser(service.Id, user));

    protected void AddUsers(ServiceRecord service, params IEnumerable<UserRecord> users) => Write(transaction =>
    {
        foreach (var user in users)
            transaction.InsertUser(service.Id, user);
    });

    protected void TakeRevision(ServiceRecord service, long revision) =>
        Write(transaction => transaction.UpdateService(transaction.FindService(service.Sid)! with { Revision = revision }));

    protected async Task<UserRecord?> FindUser(ServiceRecord service, UserKey key) =>
        (await Store.FindUsersAsync(service.Sid, [key], Stop)).Users.SingleOrDefault()?.Record;

    protected static IEnumerable<Identity> Identities(IEnumerable<UserState> users) => users.Select(user => user.Identity);

    protected static async Task<ErrorReason> RejectionOf<T>(ValueTask<T> task) =>
        (await Assert.ThrowsAnyAsync<PresenceException>(async () => await task)).Reason;
}
