using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Runs the writer on its own thread, because its store operations block. When the server stops, queued commands are still written. In a
/// cluster the writer starts when the node has joined: before, the store has no position for it.
/// </summary>
internal sealed class WriterService(
    CommandWriter writer,
    CommandQueue queue,
    ServerFault fault,
    IHostApplicationLifetime lifetime,
    ILogger<WriterService> logger,
    ClusterNode? node = null)
    : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _abandon = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread; // null before the start

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (node is null)
            Begin();
        else
            node.Joined += Begin; // by the loop of the node, which starts later and ends before this service stops
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Close();
        // A host that failed to start stops all its services, including those that were never started.
        if (_thread is null)
            return;
        // The store takes nothing of a node that was evicted, or that others believe to be dead.
        if (node?.End is { Reason: not NodeEndReason.Left })
            await _abandon.CancelAsync();
        // The writer retries while the store fails. It must stop when the time for stopping is over.
        await using var overdue = cancellationToken.Register(_abandon.Cancel);
        await _ended.Task;
    }

    /// <summary>
    /// Ends a writer that was not stopped. The container disposes this service before the queue and the store, so the writer never uses
    /// either after its disposal.
    /// </summary>
    public void Dispose()
    {
        queue.Close();
        _abandon.Cancel();
        _thread?.Join();
        _abandon.Dispose();
    }

    private void Begin()
    {
        _thread = new Thread(Run) { Name = "change writer", IsBackground = true };
        _thread.Start();
    }

    private void Run()
    {
        try
        {
            writer.Run(_abandon.Token);
        }
#pragma warning disable CA1031 // the end of the thread: without a writer the server is of no use, and says so before it stops
        catch (Exception exception)
#pragma warning restore CA1031
        {
            fault.Note();
            Log.WriterFaulted(logger, exception);
            node?.Fail("The writer has failed."); // it cannot leave: giving a shard away needs a commit
            lifetime.StopApplication();
        }
        finally
        {
            _ended.SetResult();
        }
    }
}
