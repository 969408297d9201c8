using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The only writer. In one transaction it takes queued commands, decides each, gives revisions to those that change something, and commits.
/// Then it publishes, and then completes the callers, in this order. Not safe for more than one thread.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="queue">The commands to write.</param>
/// <param name="services">The cache, updated with changed service instances.</param>
/// <param name="users">The tracked users.</param>
/// <param name="publishers">Publish what was committed, in this order.</param>
/// <param name="keys">The cache, updated after each commit.</param>
/// <param name="status">Receives whether the store works.</param>
/// <param name="metrics">The metrics.</param>
/// <param name="time">The clock.</param>
/// <param name="tombstoneRetention">How long the tombstone of a deleted user is kept.</param>
/// <param name="usersPerService">The maximum number of users of a service instance; at least 1.</param>
public sealed class CommandWriter(
    IPresenceStore store,
    CommandQueue queue,
    ServiceCache services,
    ITrackedUsers users,
    IReadOnlyList<ICommitPublisher> publishers,
    ApiKeyCache keys,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    TimeSpan tombstoneRetention,
    int usersPerService)
{
    /// <summary>How often the writer looks for rows to purge.</summary>
    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(1);

    private readonly List<Command> _commands = [];
    private long? _purgedAt; // monotonic time of the last purge that found nothing or failed; null if rows may remain
    private long? _uptimeAt; // monotonic time at which the uptime was last stored; null before the first time
    private bool _mustReopen;
    private (long Id, CommandBatch Batch, Command[] Commands)? _unresolved; // a commit that reported failure, until its outcome is known

    /// <summary>
    /// Writes one batch. If no command waits, purges some rows or tries a store that failed. Stores the uptime when it is time. Never
    /// throws for an error of the store.
    /// </summary>
    public WriteOutcome WriteOnce()
    {
        _commands.Clear();
        queue.TakeBatch(_commands, Limits.ChangesPerBatch, Limits.BackgroundChangesPerBatch);
        var outcome = _commands.Count > 0 ? Write(_commands) : WriteOutcome.Idle;
        if (outcome != WriteOutcome.Failed && queue.Count == 0 && PurgeOnce() is var purged and not WriteOutcome.Idle)
            outcome = purged;
        if (outcome != WriteOutcome.Failed && !TryStoreUptime())
            outcome = WriteOutcome.Failed;
        if (outcome != WriteOutcome.Failed)
            store.Maintain(idle: outcome == WriteOutcome.Idle); // not after each batch: commands queued meanwhile go first
        return outcome;
    }

    /// <summary>Writes until the queue is closed and empty, or the token is cancelled. The writer's thread runs this method.</summary>
    public void Run(CancellationToken stop)
    {
        var backoff = Limits.MinStorageBackoff;
        while (!stop.IsCancellationRequested)
        {
            switch (WriteOnce())
            {
                case not WriteOutcome.Written when queue.IsClosed && queue.Count == 0: // in this order: a closed queue grows no more
                    return;
                case WriteOutcome.Failed:
                    stop.WaitHandle.WaitOne(backoff);
                    backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, Limits.MaxStorageBackoff.Ticks));
                    break;
                case WriteOutcome.Idle:
                    WaitHandle.WaitAny([queue.Signal, stop.WaitHandle], Limits.UptimeInterval);
                    break;
                default:
                    backoff = Limits.MinStorageBackoff;
                    break;
            }
        }
    }

    private WriteOutcome Write(List<Command> commands)
    {
        var began = time.GetTimestamp();
        CommandBatch batch;
        try
        {
            batch = Commit(commands);
        }
        catch (StorageException exception)
        {
            _mustReopen = true;
            status.Report(exception);
            foreach (var command in commands)
                command.Fail(exception);
            return WriteOutcome.Failed;
        }
#pragma warning disable CA1031 // whatever a faulty command throws, the writer must live on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Isolate(commands, exception);
        }
        status.Report(null);
        metrics.CommitRecorded(time.GetElapsedTime(began), commands.Count);
        if (batch.RejectedUsers > 0)
            metrics.QuotaRejected(QuotaNames.Of(Quota.Users), batch.RejectedUsers);
        Publish(batch);
        Complete(batch, commands);
        return WriteOutcome.Written;
    }

    /// <summary>
    /// Decides and commits. Throws if the transaction did not happen. Returns if it did, even if the commit reported failure.
    /// </summary>
    private CommandBatch Commit(List<Command> commands)
    {
        EnsureOpen();
        using var transaction = store.BeginTransaction();
        var batch = new CommandBatch(transaction, time.GetUtcNow(), usersPerService, tombstoneRetention, users);
        foreach (var command in commands)
            command.Decide(batch);
        batch.Flush();
        try
        {
            transaction.Commit();
        }
        catch (StorageException)
        {
            _unresolved = (transaction.Id, batch, [.. commands]);
            transaction.Dispose();
            if (!ReopenAfterFailedCommit())
                throw;
        }
        return batch;
    }

    /// <summary>
    /// Whether the commit that reported failure happened after all. No caller or watcher gets an answer before this is known.
    /// </summary>
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
            return false; // still unknown: the callers get the error, and the next reopening resolves it for the watchers
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
            // The callers already got the error and ignore this. The tracked users must learn the outcome.
            Complete(unresolved.Batch, unresolved.Commands);
        }
        _unresolved = null;
    }

    private void Publish(CommandBatch batch)
    {
        List<ServiceCommit>? commits = null;
        foreach (var service in batch.Services)
        {
            if (!service.IsVisible)
                continue;
            if (service.IsDeleted)
            {
                services.Remove(service.Record.Sid, service.Record.Id);
                _purgedAt = null;
            }
            else
            {
                services.Apply(service.Record);
            }
            (commits ??= []).Add(service.ToCommit());
        }
        if (commits is not null)
        {
            foreach (var publisher in publishers)
                publisher.Publish(commits);
        }
        keys.Apply(batch.ApiKeys, batch.ForgottenApiKeys);
    }

    private void Complete(CommandBatch batch, IReadOnlyList<Command> commands)
    {
        foreach (var command in commands)
            command.Complete(users);
        foreach (var service in batch.Services)
        {
            if (service.IsSwitchedOn && !service.IsDeleted)
                users.Reconsider(services.Apply(service.Record));
        }
    }

    /// <summary>
    /// Handles a command that threw an unexpected exception, which is a bug in this program. Each command is tried alone, so that only the
    /// faulty one fails.
    /// </summary>
    private WriteOutcome Isolate(List<Command> commands, Exception exception)
    {
        _mustReopen = true;
        if (commands.Count > 1)
        {
            var outcome = WriteOutcome.Written;
            foreach (var command in commands.ToArray())
            {
                command.Reset();
                outcome = Write([command]);
            }
            return outcome;
        }
        status.ReportFault(exception);
        commands[0].FailPermanently(new PresenceException(ErrorReason.Internal, "The command could not be decided.", exception));
        return WriteOutcome.Written;
    }

    /// <summary>
    /// Stores how long the server has run, in a transaction of its own, so that a crash cannot make a time wrong by more than the interval.
    /// Returns false if the store failed.
    /// </summary>
    private bool TryStoreUptime()
    {
        if (users.Uptime is not { } uptime || (_uptimeAt is { } at && time.GetElapsedTime(at) < Limits.UptimeInterval))
            return true;
        _uptimeAt = time.GetTimestamp();
        try
        {
            EnsureOpen();
            using var transaction = store.BeginTransaction();
            transaction.StoreUptime(new ServerUptime(time.GetUtcNow(), uptime));
            transaction.Commit();
            return true;
        }
        catch (StorageException exception)
        {
            _mustReopen = true;
            status.Report(exception);
            return false;
        }
    }

    /// <summary>
    /// Purges some rows when it is time. Tries a store that failed at each call until a commit succeeds: no other command may be queued
    /// that would show that it works again. Beginning a transaction proves nothing, because the disk may still be full.
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
            var purged = transaction.Purge(time.GetUtcNow() - tombstoneRetention, Limits.RowsPerPurge) > 0;
            if (!purged && !isTrial)
                return WriteOutcome.Idle;
            transaction.Commit();
            if (purged)
                _purgedAt = null;
            status.Report(null);
            return WriteOutcome.Written;
        }
        catch (StorageException exception)
        {
            _mustReopen = true;
            status.Report(exception);
            return WriteOutcome.Failed;
        }
    }
}
