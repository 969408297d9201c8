using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing.Overlay;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The only writer. It takes queued commands, reads what they need, decides each in memory, gives revisions to those that change something,
/// and commits. Then it publishes, and then completes the callers, in this order. Not safe for more than one thread.
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

    private readonly WriterSettings _settings = new(tombstoneRetention, usersPerService);
    private readonly List<Command> _commands = [];
    private readonly BatchKeys _keys = new();
    private readonly BatchRead _read = new();
    private readonly BatchWrites _writes = new();
    private readonly OverlayPool _overlays = new();
    private KeyCollector? _collector;
    private WriterPosition _position; // meaningless while the store must be reopened
    private long? _purgedAt; // monotonic time of the last purge that found nothing or failed; null if rows may remain
    private long? _uptimeAt; // monotonic time at which the uptime was last stored; null before the first time
    private bool _mustReopen = true;
    private (long Number, CommandBatch Batch, Command[] Commands)? _unresolved; // a commit that failed, until its outcome is known

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
        if (outcome != WriteOutcome.Failed && IsUptimeDue && !TryUseStore(CommitUptime))
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

    private bool IsUptimeDue =>
        users.Uptime is not null && (_uptimeAt is not { } at || time.GetElapsedTime(at) >= Limits.UptimeInterval);

    private WriteOutcome Write(List<Command> commands)
    {
        try
        {
            if (TryUseStore(() => CommitAll(commands), out var error))
                return WriteOutcome.Written;
            foreach (var command in commands)
                command.Fail(error);
            return WriteOutcome.Failed;
        }
#pragma warning disable CA1031 // whatever a faulty command throws, the writer must live on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Isolate(commands, exception);
        }
    }

    /// <summary>
    /// Decides and commits, and repeats that for the commands whose service instances were stale. Removes the commands that are committed
    /// from the list. Throws if a commit did not happen. Continues if it did, even if it reported failure.
    /// </summary>
    private void CommitAll(List<Command> commands)
    {
        while (commands.Count > 0)
        {
            var began = time.GetTimestamp();
            var batch = Decide(commands);
            var result = Commit(batch, commands);
            status.Report(null);
            metrics.CommitRecorded(time.GetElapsedTime(began), commands.Count);
            if (batch.RejectedUsers > 0)
                metrics.QuotaRejected(QuotaNames.Of(Quota.Users), batch.RejectedUsers);
            Publish(batch, result);
            Complete(batch, result, commands);
            commands.RemoveAll(command => !IsStale(command, result));
            foreach (var command in commands)
                command.Reset();
        }
    }

    /// <summary>Reads what the commands need in one call, and decides them in memory.</summary>
    private CommandBatch Decide(List<Command> commands)
    {
        _keys.Clear();
        _read.Clear();
        _overlays.TakeBack();
        _collector ??= new KeyCollector(_keys, publishers);
        _collector.Begin();
        foreach (var command in commands)
            command.Collect(_collector);
        if (!_keys.IsEmpty)
            Wait(store.ReadBatchAsync(_keys, _read));
        var batch = new CommandBatch(_keys, _read, _overlays, _settings, time.GetUtcNow(), users);
        foreach (var command in commands)
            command.Decide(batch);
        return batch;
    }

    /// <summary>Commits a batch in one call, and the uptime with it when it is due.</summary>
    private CommitResult Commit(CommandBatch batch, List<Command> commands)
    {
        PrepareWrites();
        batch.WriteTo(_writes);
        try
        {
            return CommitWrites();
        }
        catch (StorageException)
        {
            _unresolved = (_writes.Number, batch, [.. commands]);
            if (ResultAfterFailedCommit() is { } happened)
                return happened;
            throw;
        }
    }

    /// <summary>
    /// Returns the result of the commit that reported failure, if it happened after all; otherwise null. No caller or watcher gets an
    /// answer before this is known.
    /// </summary>
    private CommitResult? ResultAfterFailedCommit()
    {
        try
        {
            _position = Wait(store.ReopenAsync());
        }
        catch (StorageException)
        {
            return null; // still unknown: the callers get the error, and the next reopening resolves it for the watchers
        }
        var happened = _position.LastCommit == _unresolved!.Value.Number;
        _unresolved = null;
        _mustReopen = false;
        return happened ? _position.LastResult : null;
    }

    /// <summary>Stores how long the server has run, so that a crash cannot make a time wrong by more than the interval.</summary>
    private void CommitUptime()
    {
        PrepareWrites();
        CommitWrites();
    }

    private void PrepareWrites()
    {
        _writes.Clear();
        (_writes.Generation, _writes.Number) = (_position.Generation, _position.LastCommit + 1);
        if (!IsUptimeDue)
            return;
        _uptimeAt = time.GetTimestamp();
        _writes.Uptime = new ServerUptime(time.GetUtcNow(), users.Uptime!.Value);
    }

    private CommitResult CommitWrites()
    {
        var result = Wait(store.CommitAsync(_writes));
        _position = _position with { LastCommit = _writes.Number };
        return result;
    }

    private bool TryUseStore(Action use) => TryUseStore(use, out _);

    /// <summary>Uses the store, after reopening it if it failed before. Returns false if it fails.</summary>
    private bool TryUseStore(Action use, [NotNullWhen(false)] out StorageException? error)
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
            error = exception;
            return false;
        }
    }

    private void EnsureOpen()
    {
        if (!_mustReopen && _unresolved is null)
            return;
        _position = Wait(store.ReopenAsync());
        _mustReopen = false;
        if (_unresolved is { } unresolved && unresolved.Number == _position.LastCommit && _position.LastResult is { } result)
        {
            Publish(unresolved.Batch, result);
            // The callers already got the error and ignore this. The tracked users must learn the outcome.
            Complete(unresolved.Batch, result, unresolved.Commands);
        }
        _unresolved = null;
    }

    private void Publish(CommandBatch batch, CommitResult result)
    {
        List<ServiceCommit>? commits = null;
        foreach (var service in batch.Services)
        {
            if (!service.IsVisible || result.IsStale(service.Sid))
                continue;
            if (service.IsDeleted)
            {
                services.Remove(service.Sid, service.Id);
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
        if (!result.IsDirectoryStale)
            keys.Apply(batch.ApiKeys.Changed, batch.ApiKeys.Removed);
    }

    private void Complete(CommandBatch batch, CommitResult result, IReadOnlyList<Command> commands)
    {
        foreach (var command in commands)
        {
            if (!IsStale(command, result))
                command.Complete(users);
        }
        foreach (var service in batch.Services)
        {
            if (service.IsSwitchedOn && !service.IsDeleted && !result.IsStale(service.Sid))
                users.Reconsider(services.Apply(service.Record));
        }
    }

    private static bool IsStale(Command command, CommitResult result) =>
        result.IsDirectoryStale || (command.Target is { } target && result.IsStale(target));

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
    /// Purges some rows when it is time. Tries a store that failed at each call until a commit succeeds: no other command may be queued
    /// that would show that it works again. A read proves nothing, because the disk may still be full.
    /// </summary>
    private WriteOutcome PurgeOnce()
    {
        var isTrial = status.IsFailing;
        if (!isTrial && _purgedAt is { } at && time.GetElapsedTime(at) < PurgeInterval)
            return WriteOutcome.Idle;
        _purgedAt = time.GetTimestamp();
        var purged = 0;
        if (!TryUseStore(() =>
        {
            purged = Wait(store.PurgeAsync(time.GetUtcNow() - tombstoneRetention, Limits.RowsPerPurge));
            if (isTrial && purged == 0)
                CommitUptime();
        }))
        {
            return WriteOutcome.Failed;
        }
        if (purged > 0)
            _purgedAt = null;
        status.Report(null);
        return purged > 0 || isTrial ? WriteOutcome.Written : WriteOutcome.Idle;
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
