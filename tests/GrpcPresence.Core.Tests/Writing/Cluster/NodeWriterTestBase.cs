using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing.Cluster;

/// <summary>Tests the writer of a node that holds all shards, with one service instance.</summary>
public abstract class NodeWriterTestBase : IAsyncLifetime
{
    private protected InMemoryPresenceStore Data { get; } = new();

    private protected ClusterNode Node { get; private set; } = null!;

    private protected CachedService Service { get; private set; } = null!;

    private protected World World => Node.World;

    private protected Shard Ada => ClusterNode.ShardOf(Service.Sid, "ada");

    private protected long LastCommit => Data.Image.Cluster.Nodes["a"].Position.LastCommit;

    public virtual async ValueTask InitializeAsync()
    {
        Node = await ClusterNode.JoinAsync(Data, "a");
        await Node.ClaimAsync();
        Service = await Node.NewServiceAsync();
    }

    public virtual ValueTask DisposeAsync()
    {
        Node.Dispose();
        Data.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private protected CreateUser NewUser(string identity) => new(Service.Sid, World.Id(identity), "", "{}", default);

    private protected CreateApiKey NewKey() =>
        new(RandomSids.NewApiKeySid(), new ApiKeySecret("salt", "hash"), "", ApiKeyRole.Admin, Service.Sid, certificateName: "");
}
