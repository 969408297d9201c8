using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Health;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>
/// Runs the loop of a cluster node on a thread of its own, and ties the life of the node to that of the server.
/// <list type="number">
/// <item>Start: the loop joins the cluster. The server is not ready until the node is.</item>
/// <item>Stop: as soon as the host begins to stop, the server is not ready and the node begins to leave, while streams end and calls in
/// progress are answered. When the listener is closed, the host waits here until the node has left.</item>
/// <item>End: a node that did not leave as it was asked stops the server, whose streams end as in a stop, with another exit code than
/// 0.</item>
/// </list>
/// </summary>
internal sealed class NodeLoop(
    ClusterNode node,
    HealthStatuses statuses,
    ServerFault fault,
    IHostApplicationLifetime lifetime,
    NodeMetrics metrics,
    ILogger<NodeLoop> logger)
    : IHostedService, IDisposable
{
    private readonly AutoResetEvent _woken = new(initialState: false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isWoken; // 1 if the event is set already, because each of many thousand messages a second would set it
    private volatile bool _hasJoined;
    private volatile bool _isStopped;
    private volatile Thread? _thread; // null before the start
    private bool _isReady;
    private string? _clockProblem;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        statuses.SetReady(isReady: false);
        metrics.Observe(node.ReadStatus);
        node.Woken += Wake;
        node.Joined += () => _hasJoined = true;
        node.Ended += OnEnded;
        lifetime.ApplicationStopping.Register(node.Leave);
        _thread = new Thread(Run) { Name = "cluster node", IsBackground = true };
        _thread.Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_thread is null)
            return;
        node.Leave();
        // A node that has not joined holds nothing. It may wait for a store that is away.
        if (_hasJoined)
            await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_hasJoined && node.End is null)
        {
            var status = node.ReadStatus();
            NodeLog.NotLeft(logger, status.LeaveWait, status.Shards.Open);
            fault.Note();
        }
        End();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        _woken.Dispose();
    }

    private void End()
    {
        _isStopped = true;
        node.Woken -= Wake;
        if (_thread is { } thread && thread != Thread.CurrentThread)
        {
            _woken.Set();
            thread.Join();
        }
    }

    private void Run()
    {
        try
        {
            while (!_isStopped && node.End is null)
            {
                Volatile.Write(ref _isWoken, 0); // before the step: what comes during it is for the next one
                foreach (var happened in node.Step())
                    NodeLog.Write(logger, happened);
                Observe();
                if (Volatile.Read(ref _isWoken) == 0)
                    _woken.WaitOne(Limits.NodeStep);
            }
        }
#pragma warning disable CA1031 // the end of the thread: without the loop the node is confirmed no more, and says so before it stops
        catch (Exception exception)
#pragma warning restore CA1031
        {
            NodeLog.Faulted(logger, exception);
            fault.Note();
            EndFaulted();
            lifetime.StopApplication();
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    /// <summary>
    /// Ends the node after its loop has failed. Otherwise its calls would wait until the process ends, and the others would leave its
    /// shards here until then.
    /// </summary>
    private void EndFaulted()
    {
        node.Fail("The loop of the node has failed.");
        try
        {
            foreach (var happened in node.Step())
                NodeLog.Write(logger, happened);
        }
#pragma warning disable CA1031 // the process ends in any case
        catch (Exception exception)
#pragma warning restore CA1031
        {
            NodeLog.Faulted(logger, exception);
        }
    }

    private void Observe()
    {
        if (node.IsReady != _isReady)
            statuses.SetReady(_isReady = node.IsReady);
        var problem = node.ClockProblem;
        if (problem == _clockProblem)
            return;
        // The text contains how far the clock is away, which varies.
        if (_clockProblem is null)
            NodeLog.ClockIsWrong(logger, problem!);
        else if (problem is null)
            NodeLog.ClockIsRight(logger);
        _clockProblem = problem;
    }

    private void OnEnded(NodeEnd end)
    {
        statuses.SetReady(isReady: false);
        if (end.Reason != NodeEndReason.Left)
            fault.Note();
        lifetime.StopApplication(); // ends the streams, with their tokens
    }

    private void Wake()
    {
        if (Interlocked.Exchange(ref _isWoken, 1) == 0)
            _woken.Set();
    }
}
