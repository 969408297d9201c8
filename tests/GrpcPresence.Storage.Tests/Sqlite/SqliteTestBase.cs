using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Provides a directory for the test's databases, and the few writes that most tests need.</summary>
public abstract class SqliteTestBase : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    protected SqliteTestBase() => DatabasePath = InDirectory("presence.db");

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    protected string DatabasePath { get; }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => _directory.Dispose();

    protected string InDirectory(string name) => _directory.File(name);

    protected SqlitePresenceStore Open() => Open(DatabasePath);

    protected static SqlitePresenceStore Open(string path) =>
        new(new SqliteStoreOptions { Path = path, BusyTimeout = TimeSpan.FromMilliseconds(1) });

    protected DatabaseRejectedException AssertRejected(DatabaseRejection rejection, string? path = null)
    {
        path ??= DatabasePath;
        var exception = Assert.Throws<DatabaseRejectedException>(() => Open(path));
        Assert.Equal((rejection, path), (exception.Rejection, exception.Path));
        Assert.Contains(path, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        return exception;
    }

    protected static ServiceRecord AddService(IPresenceStore store)
    {
        var session = StoreSession.Of(store);
        var service = session.InsertService(Sample.Service());
        session.Commit();
        return service;
    }

    /// <summary>Adds users with these numbers, each with the next revision, in one commit.</summary>
    protected static void AddUsers(IPresenceStore store, params IEnumerable<int> numbers)
    {
        var session = StoreSession.Of(store);
        AddUsers(session, numbers);
        session.Commit();
    }

    internal static void AddUsers(StoreSession session, IEnumerable<int> numbers)
    {
        var service = session.FindService(Sample.ServiceSid(1))!;
        foreach (var number in numbers)
        {
            service = service with { Revision = service.Revision + 1 };
            session.InsertUser(service.Id, Sample.User(number, service.Revision) with { Attributes = new string('a', 500) });
        }
        session.UpdateService(service);
    }

    /// <summary>Returns the revision of the service instance, after checking that each revision up to it exists.</summary>
    protected static async Task<int> WholeRevision(IPresenceStore store)
    {
        if (await store.FindServiceAsync(Sample.ServiceSid(1), Stop) is null)
            return -1;
        var read = await store.ListChangesAsync(Sample.ServiceSid(1), 0, int.MaxValue, Stop);
        Assert.Equal(Enumerable.Range(1, (int)read.Service.Revision), read.Changes.Select(change => (int)change.Revision));
        return (int)read.Service.Revision;
    }

    protected static async Task<UserRecord?> FindUser(IPresenceStore store, int number) =>
        (await store.FindUsersAsync(Sample.ServiceSid(1), [new UserKey(Sample.Identity(number))], Stop)).Users.SingleOrDefault()?.Record;
}
