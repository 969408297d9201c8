using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Tests.Postgres;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Two nodes of a cluster that write to the same service instances.</summary>
public sealed class PostgresClusterTwoWritersConformance : TwoWritersConformance, IDisposable
{
    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly PostgresClusterStore _store;
    private readonly PostgresClusterStore _other;

    public PostgresClusterTwoWritersConformance()
    {
        _store = Join(new NodeId("a", 1));
        _other = Join(new NodeId("b", 1));
    }

    protected override IPresenceStore Store => _store;

    protected override IPresenceStore Other => _other;

    public void Dispose()
    {
        _other.Dispose();
        _store.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }

    private PostgresClusterStore Join(NodeId node)
    {
        var store = PostgresTests.OpenNode(_connectionString);
        Assert.Null(store.JoinAsync(node, CancellationToken.None).AsTask().GetAwaiter().GetResult());
        StoreSession.Of(store).Node = node;
        return store;
    }
}
