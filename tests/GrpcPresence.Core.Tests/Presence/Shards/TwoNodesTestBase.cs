using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>Two nodes, of which the first holds all shards. The test hands them over.</summary>
public abstract class TwoNodesTestBase : IDisposable
{
    private protected NodesWorld World { get; } = new();

    private protected PresenceWorld First => World.First;

    private protected PresenceWorld Second => World.Second;

    /// <summary>The shard of Alice.</summary>
    private protected Shard Shard => World.ShardOf(Alice);

    public void Dispose()
    {
        World.Dispose();
        GC.SuppressFinalize(this);
    }
}
