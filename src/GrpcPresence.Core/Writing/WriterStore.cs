using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The store as the writer uses it: under one generation, with the next number, and reopened after each failure. Used only by the writer's
/// thread.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="queue">The commands of callers that fail at once while the store is away.</param>
/// <param name="uptime">The uptime, which is stored with a commit when it is due.</param>
/// <param name="status">Receives whether the store works.</param>
/// <param name="time">The clock.</param>
/// <param name="node">The run of this node, which each commit names; null outside of a cluster.</param>
internal sealed class WriterStore(
    IPresenceStore store, CommandQueue queue, StoredUptime uptime, StorageStatus status, TimeProvider time, NodeId? node)
{
    private readonly BatchWrites _writes = new();
    private readonly List<Command> _rejected = [];
    private WriterPosition _position; // meaningless while the store must be reopened
    private bool _mustReopen = true;
    private long? _inDoubt; // the number of a commit that failed, until its outcome is known
    private Action<CommitResult>? _settle;
    private DataIdentity? _identity; // of the data that was opened last; null before the first time
    private StorageException? _away; // why the last reopening failed; null if it did not

    /// <summary>Uses the store, after reopening it if it failed before. Returns false if it fails.</summary>
    public bool TryUse(Action use) => TryUse(use, out _);

    /// <inheritdoc cref="TryUse(Action)"/>
    public bool TryUse(Action use, [NotNullWhen(false)] out StorageException? error)
    {
        try
        {
            EnsureOpen();
            use();
            error = null;
            return true;
        }
        catch (StorageException exception)
        {
            _mustReopen = true;
            status.Report(exception);
            if (exception is NodeEvictedException eviction)
                status.ReportEviction(eviction);
            error = exception;
            return false;
        }
    }

    /// <summary>Reads what a batch needs in one call.</summary>
    public void Read(BatchKeys keys, BatchRead read) => Wait(store.ReadBatchAsync(keys, read));

    /// <summary>
    /// Commits a batch in one call, and the uptime with it when it is due. Returns the result also if the commit reported failure but
    /// happened. Throws if it did not happen, and while its outcome is unknown.
    /// </summary>
    public CommitResult Commit(CommandBatch batch)
    {
        Prepare();
        batch.WriteTo(_writes);
        try
        {
            return Commit();
        }
        catch (StorageException)
        {
            _inDoubt = _writes.Number;
            if (ResultAfterFailedCommit() is { } happened)
                return happened;
            throw;
        }
    }

    /// <summary>Whether the outcome of the last commit is unknown.</summary>
    public bool IsInDoubt => _inDoubt is not null;

    /// <summary>Makes the reopening that reveals that the commit in doubt happened call this, before the store is used again.</summary>
    public void WhenSettled(Action<CommitResult> settle) => _settle = settle;

    /// <summary>Makes a commit without commands. It contains the uptime when it is due.</summary>
    public void CommitUptime()
    {
        Prepare();
        Commit();
    }

    /// <inheritdoc cref="IStoreReader.TimelineOf"/>
    public Guid TimelineOf(ServiceRecord service) => store.TimelineOf(service);

    /// <summary>Purges rows, and returns how many.</summary>
    public int Purge(DateTimeOffset tombstonesBefore, int limit) => Wait(store.PurgeAsync(tombstonesBefore, limit));

    /// <summary>Makes the next use reopen the store, because a call ended with an unexpected exception.</summary>
    public void ReopenBeforeUse() => _mustReopen = true;

    /// <summary>Waits before the next attempt after a failure, or until the token is cancelled.</summary>
    public void WaitAfterFailure(TimeSpan pause, CancellationToken stop) => WaitFor(stop.WaitHandle, pause);

    /// <inheritdoc cref="IPresenceStore.Maintain"/>
    public void Maintain(bool idle) => store.Maintain(idle);

    private void Prepare()
    {
        _writes.Clear();
        (_writes.Node, _writes.Generation, _writes.Number) = (node, _position.Generation, _position.LastCommit + 1);
        uptime.AddTo(_writes);
    }

    private CommitResult Commit()
    {
        var result = Wait(store.CommitAsync(_writes));
        _position = _position with { LastCommit = _writes.Number };
        uptime.NoteCommit(_writes, result);
        return result;
    }

    /// <summary>
    /// Returns the result of the commit that reported failure, if it happened after all; otherwise null. No caller or watcher gets an
    /// answer before this is known.
    /// </summary>
    private CommitResult? ResultAfterFailedCommit()
    {
        try
        {
            _position = Reopen();
        }
        catch (StorageException exception) when (exception is not NodeEvictedException)
        {
            return null; // still unknown: the callers get the error, and the next reopening resolves it for the watchers
        }
        var happened = _position.LastCommit == _inDoubt;
        _inDoubt = null;
        _mustReopen = false;
        return happened ? _position.LastResult : null;
    }

    /// <summary>Reopens the store, and notes whether it is away.</summary>
    private WriterPosition Reopen()
    {
        try
        {
            var reopening = store.ReopenAsync().AsTask();
            if (!reopening.IsCompleted)
                WaitFor(((IAsyncResult)reopening).AsyncWaitHandle, Timeout.InfiniteTimeSpan);
            var position = reopening.GetAwaiter().GetResult();
            _away = null;
            NoteData(position);
            return position;
        }
        catch (StorageException exception)
        {
            _away = exception;
            throw;
        }
    }

    /// <summary>
    /// Compares the data with what this node knows of it. Only in a cluster: a single node ends when its data goes back, or cannot notice.
    /// </summary>
    private void NoteData(WriterPosition position)
    {
        if (node is null)
            return;
        var known = _identity;
        _identity = position.Identity;
        status.NoteData(position.Identity);
        if (known is null)
            return;
        if (known != position.Identity)
            status.ReportWentBack(position.Identity);
        else if (position.LastCommit < _position.LastCommit)
            throw new NodeEvictedException($"The store has lost commits of {node}, and the data has the same identity.");
    }

    /// <summary>
    /// Waits for the handle. If the store could not be reopened, it is away, and the next attempt may take seconds. Callers do not wait for
    /// that: their commands fail at once.
    /// </summary>
    private void WaitFor(WaitHandle handle, TimeSpan timeout)
    {
        var began = time.GetTimestamp();
        var left = timeout;
        while (_away is { } error && !queue.IsClosed)
        {
            if (WaitHandle.WaitAny([handle, queue.Signal], left) != 1)
                return;
            queue.TakeCallers(_rejected);
            foreach (var command in _rejected)
                command.Fail(error);
            _rejected.Clear();
            if (timeout != Timeout.InfiniteTimeSpan)
                left = TimeSpan.FromTicks(Math.Max((timeout - time.GetElapsedTime(began)).Ticks, 0));
        }
        handle.WaitOne(left);
    }

    private void EnsureOpen()
    {
        if (!_mustReopen && !IsInDoubt)
            return;
        _position = Reopen();
        _mustReopen = false;
        var (number, settle) = (_inDoubt, _settle);
        (_inDoubt, _settle) = (null, null);
        if (number == _position.LastCommit && _position.LastResult is { } result)
            settle?.Invoke(result);
    }

    /// <summary>Returns the result of a call of the store. Waits on the writer's own thread, which has nothing else to do.</summary>
    private static T Wait<T>(ValueTask<T> call) =>
        call.IsCompleted ? call.GetAwaiter().GetResult() : call.AsTask().GetAwaiter().GetResult();

    private static void Wait(ValueTask call)
    {
        if (call.IsCompleted)
            call.GetAwaiter().GetResult();
        else
            call.AsTask().GetAwaiter().GetResult();
    }
}
