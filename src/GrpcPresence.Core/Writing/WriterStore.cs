using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Errors;
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
/// <param name="fence">Knows the run of this node and the data, which each commit names; null outside of a cluster.</param>
internal sealed class WriterStore(
    IPresenceStore store, CommandQueue queue, StoredUptime uptime, StorageStatus status, TimeProvider time, ShardFence? fence)
{
    private readonly BatchWrites _writes = new();
    private readonly List<Command> _rejected = [];
    private WriterPosition _position; // meaningless while the store must be reopened
    private bool _mustReopen = true;
    private long? _inDoubt; // the number of a commit that failed, until its outcome is known
    private Action<CommitResult>? _settle;
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
            if (exception is OtherDataException)
                status.ReportOtherData();
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
        Prepare(batch.Data);
        batch.WriteTo(_writes);
        try
        {
            return Commit();
        }
        catch (StorageException exception) when (exception is not OtherDataException)
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
        Prepare(Data);
        Commit();
    }

    /// <summary>Purges rows, and returns how many.</summary>
    public int Purge(DateTimeOffset tombstonesBefore, int limit) => Wait(store.PurgeAsync(tombstonesBefore, limit));

    /// <summary>Makes the next use reopen the store, because a call ended with an unexpected exception.</summary>
    public void ReopenBeforeUse() => _mustReopen = true;

    /// <summary>Waits before the next attempt after a failure, or until the token is cancelled.</summary>
    public void WaitAfterFailure(TimeSpan pause, CancellationToken stop) => WaitFor(stop.WaitHandle, pause);

    /// <inheritdoc cref="IPresenceStore.Maintain"/>
    public void Maintain(bool idle) => store.Maintain(idle);

    /// <summary>The data that the node knows; default outside of a cluster.</summary>
    private DataIdentity Data => fence?.Data ?? default;

    private void Prepare(DataIdentity data)
    {
        _writes.Clear();
        (_writes.Node, _writes.Data) = (fence?.Node, data);
        (_writes.Generation, _writes.Number) = (_position.Generation, _position.LastCommit + 1);
        uptime.AddTo(_writes);
    }

    private CommitResult Commit()
    {
        var result = Wait(store.CommitAsync(_writes));
        _position = _position with { LastCommit = _writes.Number };
        status.NoteData(_writes.Data);
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
        var happened = HasHappened();
        _inDoubt = null;
        _mustReopen = false;
        return happened ? _position.LastResult : null;
    }

    /// <summary>
    /// Whether the commit in doubt has happened, after the store was reopened. In other data nobody can tell: the number may be that of
    /// another commit. All that depends on it is read again from the store.
    /// </summary>
    private bool HasHappened() => _position.LastCommit == _inDoubt && status.Data == _writes.Data;

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
    /// Notes the data, and whether it has lost commits of this node. Only in a cluster: a single node ends when its data goes back, or
    /// cannot notice.
    /// </summary>
    private void NoteData(WriterPosition position)
    {
        if (fence is null)
            return;
        var before = status.Data;
        status.NoteData(position.Identity);
        if (position.Identity == before && position.LastCommit < _position.LastCommit)
            throw new NodeEvictedException($"The store has lost commits of {fence.Node}, and the data has the same identity.");
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
        // In data that the node has learned since, generation and number are others.
        if (!_mustReopen && !IsInDoubt && status.Data == Data)
            return;
        _position = Reopen();
        _mustReopen = false;
        var (happened, settle) = (HasHappened(), _settle);
        (_inDoubt, _settle) = (null, null);
        if (happened && _position.LastResult is { } result)
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
