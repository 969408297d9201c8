namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// What waiting watches do when they continue, in the order in which they were woken. The simulation runs it on its own thread, because the
/// thread pool would give each run of a history another order.
/// </summary>
internal sealed class Continuations
{
    private readonly Queue<Action> _queue = new();

    /// <summary>Adds a continuation.</summary>
    public void Add(Action continuation) => _queue.Enqueue(continuation);

    /// <summary>Runs all continuations, and those that are added meanwhile.</summary>
    public void Run()
    {
        while (_queue.TryDequeue(out var next))
            next();
    }
}
