using GrpcPresence.Core.Tests.Cluster.Simulation;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Starts the first of some whole nodes.</summary>
public abstract class RunningNodesTestBase : IAsyncLifetime
{
    /// <summary>Seconds in which a node joins and gets its shards.</summary>
    protected const double Joining = 6;

    private protected RunningNodes Nodes { get; } = new();

    private protected SimulatedNode First { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        await Nodes.CreateServiceAsync();
        First = Nodes.Start("a");
    }

    public ValueTask DisposeAsync()
    {
        Nodes.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected void Advance(double seconds) => Nodes.Advance(TimeSpan.FromSeconds(seconds));
}
