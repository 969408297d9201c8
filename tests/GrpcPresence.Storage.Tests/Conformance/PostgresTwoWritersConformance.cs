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

    public void Dispose()
    {
        _other.Dispose();
        _store.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }
}
