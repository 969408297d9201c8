using GrpcPresence.Core.Access;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Metrics;

namespace GrpcPresence.Core.Changes;

/// <summary>
/// The one writer. Takes what is queued and, in one transaction, decides each change, numbers those that alter something, and commits; then
/// publishes; then completes the callers, in this order. Not safe for more than one thread.
/// </summary>
/// <param name="store">Where it writes.</param>
/// <param name="queue">What is to be written.</param>
/// <param name="services">Hears of service instances that were changed.</param>
/// <param name="cells">The cells of users, who hear of what became of them.</param>
/// <param name="publisher">Takes what was committed.</param>
/// <param name="keys">Is brought up to date with each commit.</param>
/// <param name="sids">Makes new SIDs.</param>
/// <param name="status">Hears whether the store works.</param>
/// <param name="metrics">Counts.</param>
/// <param name="time">The clock.</param>
/// <param name="tombstoneRetention">How long the tombstone of a deleted user is kept.</param>
/// <param name="usersPerService">The users that a service instance may have; at least 1.</param>
public sealed class ChangeWriter(
    IPresenceStore store,
    ChangeQueue queue,
    ServiceDirectory services,
    IUserCells cells,
    ICommitPublisher publisher,
    ApiKeyRing keys,
    ISidGenerator sids,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    TimeSpan tombstoneRetention,
    int usersPerService)
{
    /// <summary>How often the writer looks for rows that may go.</summary>
    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(1);

    private readonly List<Change> _changes = [];
    private long? _purgedAt; // monotonic time of the last purge that found nothing or failed; null: there may be something to purge
    private bool _mustReopen;
    private (long Id, ChangeBatch Batch, Change[] Changes)? _unresolved; // a commit that reported failure, until it is known whether it happened

    /// <summary>Writes one batch and, when nobody waits, purges a little or tries a store that failed. Never throws for a fault of the store.</summary>
    public WriteOutcome WriteOnce()
    {
        _changes.Clear();
        queue.Take(_changes, Bounds.ChangesPerBatch, Bounds.BackgroundChangesPerBatch);
        var outcome = _changes.Count > 0 ? Write(_changes) : WriteOutcome.Idle;
        if (outcome != WriteOutcome.Failed && queue.Count == 0 && PurgeOnce() is var purged and not WriteOutcome.Idle)
            outcome = purged;
        if (outcome != WriteOutcome.Failed)
            store.Maintain(idle: outcome == WriteOutcome.Idle); // not after each batch: what was queued meanwhile goes first
        return outcome;
    }

    /// <summary>Writes until the queue is closed and empty, or the token is cancelled. The body of the writer's thread.</summary>
    public void Run(CancellationToken stop)
    {
        var backoff = Bounds.MinStorageBackoff;
        while (!stop.IsCancellationRequested)
        {
            switch (WriteOnce())
            {
                case not WriteOutcome.Written when queue.IsClosed && queue.Count == 0: // in this order: a closed queue grows no more
                    return;
                case WriteOutcome.Failed:
                    stop.WaitHandle.WaitOne(backoff);
                    backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, Bounds.MaxStorageBackoff.Ticks));
                    break;
                case WriteOutcome.Idle:
                    WaitHandle.WaitAny([queue.Signal, stop.WaitHandle], PurgeInterval);
                    break;
                default:
                    backoff = Bounds.MinStorageBackoff;
                    break;
            }
        }
    }

    private WriteOutcome Write(List<Change> changes)
    {
        var began = time.GetTimestamp();
        ChangeBatch batch;
        try
        {
            batch = Commit(changes);
        }
        catch (StorageException fault)
        {
            _mustReopen = true;
            status.Report(fault);
            foreach (var change in changes)
                change.Fail(fault);
            return WriteOutcome.Failed;
        }
#pragma warning disable CA1031 // whatever a faulty change throws, the writer must live on
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return Isolate(changes, fault);
        }
        status.Report(null);
        metrics.CommitRecorded(time.GetElapsedTime(began), changes.Count);
        if (batch.RefusedUsers > 0)
            metrics.QuotaRefused(QuotaNames.Of(Quota.Users), batch.RefusedUsers);
        Publish(batch);
        Complete(batch, changes);
        return WriteOutcome.Written;
    }

    /// <summary>Decides and commits. Throws when the transaction did not happen; returns when it did, even where the commit reported failure.</summary>
    private ChangeBatch Commit(List<Change> changes)
    {
        EnsureOpen();
        using var transaction = store.BeginTransaction();
        var batch = new ChangeBatch(transaction, sids, time.GetUtcNow(), usersPerService);
        foreach (var change in changes)
            change.Decide(batch);
        batch.Flush();
        try
        {
            transaction.Commit();
        }
        catch (StorageException)
        {
            _unresolved = (transaction.Id, batch, [.. changes]);
            transaction.Dispose();
            if (!ReopenAfterFailedCommit())
                throw;
        }
        return batch;
    }

    /// <summary>Whether the commit that reported failure happened all the same. Nobody is told anything before that is known.</summary>
    private bool ReopenAfterFailedCommit()
    {
        try
        {
            var happened = store.Reopen() == _unresolved!.Value.Id;
            _unresolved = null;
            _mustReopen = false;
            return happened;
        }
        catch (StorageException)
        {
            return false; // still not known: the callers hear of the fault, and the next reopening resolves it for the watchers
        }
    }

    private void EnsureOpen()
    {
        if (!_mustReopen && _unresolved is null)
            return;
        var lastCommitted = store.Reopen();
        _mustReopen = false;
        if (_unresolved is { } unresolved && unresolved.Id == lastCommitted)
        {
            Publish(unresolved.Batch);
            // The callers were told of the fault and hear no more; the cells must learn what became of their users.
            Complete(unresolved.Batch, unresolved.Changes);
        }
        _unresolved = null;
    }

    private void Publish(ChangeBatch batch)
    {
        List<ServiceCommit>? commits = null;
        foreach (var slot in batch.Slots)
        {
            if (!slot.IsVisible)
                continue;
            if (slot.IsDeleted)
            {
                services.Remove(slot.Record.Sid, slot.Record.Id);
                _purgedAt = null;
            }
            else
            {
                services.Apply(slot.Record);
            }
            (commits ??= []).Add(slot.ToCommit());
        }
        if (commits is not null)
            publisher.Publish(commits);
        keys.Apply(batch.ApiKeys, batch.ForgottenApiKeys);
    }

    private void Complete(ChangeBatch batch, IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
            change.Complete(cells);
        foreach (var slot in batch.Slots)
        {
            if (slot.IsSwitchedOn && !slot.IsDeleted)
                cells.Reconsider(services.Apply(slot.Record));
        }
    }

    /// <summary>A change threw something that is not a refusal: a fault of this program. Each is tried alone, so that only the faulty one fails.</summary>
    private WriteOutcome Isolate(List<Change> changes, Exception fault)
    {
        _mustReopen = true;
        if (changes.Count > 1)
        {
            var outcome = WriteOutcome.Written;
            foreach (var change in changes.ToArray())
            {
                change.Undecide();
                outcome = Write([change]);
            }
            return outcome;
        }
        status.ReportFault(fault);
        changes[0].Abandon(new PresenceException(ErrorReason.Internal, "The change could not be decided.", fault));
        return WriteOutcome.Written;
    }

    /// <summary>
    /// Purges a little when it is time. A store that failed is tried at each call, until it takes a commit: nothing else may be queued that would show
    /// that it works again, and that a transaction can begin says nothing of a full disk.
    /// </summary>
    private WriteOutcome PurgeOnce()
    {
        var isTrial = status.IsFailing;
        if (!isTrial && _purgedAt is { } at && time.GetElapsedTime(at) < PurgeInterval)
            return WriteOutcome.Idle;
        _purgedAt = time.GetTimestamp();
        try
        {
            EnsureOpen();
            using var transaction = store.BeginTransaction();
            var purged = transaction.Purge(time.GetUtcNow() - tombstoneRetention, Bounds.RowsPerPurge) > 0;
            if (!purged && !isTrial)
                return WriteOutcome.Idle;
            transaction.Commit();
            if (purged)
                _purgedAt = null;
            status.Report(null);
            return WriteOutcome.Written;
        }
        catch (StorageException fault)
        {
            _mustReopen = true;
            status.Report(fault);
            return WriteOutcome.Failed;
        }
    }
}
