using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Postgres;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class PostgresTwoWritersConformance : TwoWritersConformance, IDisposable
{
    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly PostgresPresenceStore _store;
    private readonly PostgresPresenceStore _other;

    public PostgresTwoWritersConformance()
    {
        _store = PostgresTests.Open(_connectionString);
        _other = PostgresTests.Open(_connectionString, node: 2);
    }

    protected override IPresenceStore Store => _store;

    protected override IPresenceStore Other => _other;

    [Fact]
    public async Task Two_writers_that_mark_each_others_users_alive_do_not_wait_for_each_other_in_a_circle()
    {
        var setup = StoreSession.Of(_store);
        var first = setup.InsertService(Sample.Service(1) with { Revision = 10, UserCount = 1 });
        var ada = setup.InsertUser(first.Id, Sample.User(1, 10));
        var second = setup.InsertService(Sample.Service(2) with { Revision = 10, UserCount = 1 });
        var bob = setup.InsertUser(second.Id, Sample.User(2, 10));
        setup.Commit();

        await Task.WhenAll(
            Task.Run(() => WriteAndMark(_store, first, ada, second, bob)), Task.Run(() => WriteAndMark(_other, second, bob, first, ada)));

        static void WriteAndMark(
            PostgresPresenceStore store, ServiceRecord service, UserRecord user, ServiceRecord markedService, UserRecord marked)
        {
            for (var i = 1; i <= 300; i++)
            {
                var session = StoreSession.Of(store);
                session.UpdateService(service with { Revision = 10 + i });
                session.UpdatePresence(user with { Revision = 10 + i });
                session.MarkAlive(markedService.Id, marked.Id, TimeSpan.FromSeconds(i));
                Assert.True(session.Commit().IsWhole);
            }
        }
    }

    public void Dispose()
    {
        _other.Dispose();
        _store.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }
}
