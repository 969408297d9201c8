using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Testing.Cluster;

/// <summary>
/// Makes the calls of a cluster on one node's <see cref="InMemoryPresenceStore"/> fail or wait. Safe from any thread.
/// </summary>
public sealed class ClusterFaults
{
    private readonly Lock _gate = new(); // guards the fields
    private readonly Dictionary<ClusterCall, CommitFault> _next = [];
    private readonly List<(ClusterCall Call, TaskCompletionSource Release)> _held = [];
    private readonly Dictionary<ClusterCall, int> _counts = [];
    private ClusterCall _failing;
    private ClusterCall _holding;
    private Func<Task>? _duringPoll;

    /// <summary>Returns the number of calls so far, also of those that failed.</summary>
    public int CountOf(ClusterCall call)
    {
        lock (_gate)
            return _counts.GetValueOrDefault(call);
    }

    /// <summary>Makes every one of these calls fail without effect from now on, and the others work.</summary>
    public void Fail(ClusterCall calls)
    {
        lock (_gate)
            _failing = calls;
    }

    /// <summary>Makes the next one of this call fail, before or after its effect.</summary>
    public void FailNext(ClusterCall call, CommitFault fault)
    {
        lock (_gate)
            _next[call] = fault;
    }

    /// <summary>
    /// Makes every one of these calls wait from now on before it has any effect, as on a slow network, until it is released.
    /// </summary>
    public void Hold(ClusterCall calls)
    {
        lock (_gate)
            _holding = calls;
    }

    /// <summary>Whether calls wait, or would wait.</summary>
    public bool IsHolding
    {
        get
        {
            lock (_gate)
                return _holding != ClusterCall.None || _held.Count > 0;
        }
    }

    /// <summary>The number of calls that wait.</summary>
    public int Held
    {
        get
        {
            lock (_gate)
                return _held.Count;
        }
    }

    /// <summary>Lets one of the waiting calls go on, in any order; the number selects it. Does nothing if none waits.</summary>
    public void Release(int choice)
    {
        TaskCompletionSource released;
        lock (_gate)
        {
            if (_held.Count == 0)
                return;
            released = _held[choice % _held.Count].Release;
            _held.RemoveAt(choice % _held.Count);
        }
        released.SetResult(); // outside the lock: what waits goes on in here
    }

    /// <summary>Makes all waiting calls fail without effect, as when the connection to the server has ended.</summary>
    public void FailHeld()
    {
        (ClusterCall Call, TaskCompletionSource Release)[] failed;
        lock (_gate)
        {
            failed = [.. _held];
            _held.Clear();
        }
        foreach (var (call, release) in failed)
            release.SetException(new StorageException($"The connection of the call {call} has ended."));
    }

    /// <summary>Makes the next poll take its moment, then wait for these changes, and then return.</summary>
    public void ChangeDuringPoll(Func<Task> change)
    {
        lock (_gate)
            _duringPoll = change;
    }

    /// <summary>Ends all faults, and lets every waiting call go on.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            (_failing, _holding) = (ClusterCall.None, ClusterCall.None);
            _next.Clear();
            _duringPoll = null;
        }
        while (Held > 0)
            Release(0);
    }

    /// <summary>Waits while the call is held. Then says how it fails after its effect; throws if it fails before.</summary>
    internal async ValueTask<CommitFault> BeginAsync(ClusterCall call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            _counts[call] = _counts.GetValueOrDefault(call) + 1;
        var held = HoldAsync(call);
        try
        {
            await held.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            lock (_gate)
                _held.RemoveAll(waiting => waiting.Release.Task == held);
            throw;
        }
        lock (_gate)
        {
            if (_failing.HasFlag(call) || (_next.Remove(call, out var fault) && fault == CommitFault.BeforeEffect))
                throw new StorageException($"The call {call} was made to fail.");
            return fault;
        }
    }

    internal Task BetweenPartsAsync()
    {
        Func<Task>? change;
        lock (_gate)
            (change, _duringPoll) = (_duringPoll, null);
        return change is null ? Task.CompletedTask : change();
    }

    // It completes on the thread that releases it, so that a simulation on one thread stays on it.
    private Task HoldAsync(ClusterCall call)
    {
        lock (_gate)
        {
            if (!_holding.HasFlag(call))
                return Task.CompletedTask;
            var release = new TaskCompletionSource();
            _held.Add((call, release));
            return release.Task;
        }
    }
}
