using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing.Overlay;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The only writer. It takes queued commands, reads what they need, decides each in memory, gives revisions to those that change something,
/// and commits. Then it publishes, and then completes the callers, in this order. Not safe for more than one thread.
/// </summary>
public sealed class CommandWriter
{
    private readonly CommandQueue _queue;
    private readonly ServiceCache _services;
    private readonly ITrackedUsers _users;
    private readonly IReadOnlyList<ICommitPublisher> _publishers;
    private readonly ApiKeyCache _apiKeys;
    private readonly StorageStatus _status;
    private readonly PresenceMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly WriterSettings _settings;
    private readonly WriterStore _store;
    private readonly StoredUptime _uptime;
    private readonly StorePurge _purge;
    private readonly KeyCollector _collector;
    private readonly List<Command> _commands = [];
    private readonly BatchKeys _keys = new();
    private readonly BatchRead _read = new();
    private readonly OverlayPool _overlays = new();
    private readonly ShardFence? _fence; // null outside of a cluster

    /// <summary>Begins with a store that is opened at the first use.</summary>
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
    /// <param name="fence">
    /// What a node of a cluster may write. The store is then an <see cref="Storage.Cluster.IClusterStore"/> that the node has joined.
    /// </param>
    public CommandWriter(
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
        int usersPerService,
        ShardFence? fence = null)
    {
        (_queue, _services, _users, _publishers, _apiKeys) = (queue, services, users, publishers, keys);
        (_status, _metrics, _time, _fence) = (status, metrics, time, fence);
        _settings = new WriterSettings(tombstoneRetention, usersPerService);
        _uptime = new StoredUptime(users, time);
        _store = new WriterStore(store, queue, _uptime, status, time, fence);
        _purge = new StorePurge(_store, status, time, tombstoneRetention);
        _collector = new KeyCollector(_keys, publishers);
    }

    /// <summary>
    /// Writes one batch. If no command waits, purges some rows or tries a store that failed. Stores the uptime when it is time. Never
    /// throws for an error of the store.
    /// </summary>
    public WriteOutcome WriteOnce()
    {
        if (_status.Eviction is not null)
            return End();
        _commands.Clear();
        _queue.TakeBatch(_commands, Limits.ChangesPerBatch, Limits.BackgroundChangesPerBatch);
        var outcome = _commands.Count > 0 ? Write(_commands) : WriteOutcome.Idle;
        if (outcome != WriteOutcome.Failed && _queue.Count == 0 && _purge.RunOnce() is var purged and not WriteOutcome.Idle)
            outcome = purged;
        if (outcome != WriteOutcome.Failed && _uptime.IsDue && !_store.TryUse(_store.CommitUptime))
            outcome = WriteOutcome.Failed;
        if (_status.Eviction is not null)
            return End();
        if (outcome != WriteOutcome.Failed)
            _store.Maintain(idle: outcome == WriteOutcome.Idle); // not after each batch: commands queued meanwhile go first
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
                case WriteOutcome.Evicted:
                    return;
                case not WriteOutcome.Written when _queue.IsClosed && _queue.Count == 0: // in this order: a closed queue grows no more
                    return;
                case WriteOutcome.Failed:
                    _store.WaitAfterFailure(backoff, stop);
                    backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, Limits.MaxStorageBackoff.Ticks));
                    break;
                case WriteOutcome.Idle:
                    WaitHandle.WaitAny([_queue.Signal, stop.WaitHandle], Limits.UptimeInterval);
                    break;
                default:
                    backoff = Limits.MinStorageBackoff;
                    break;
            }
        }
    }

    /// <summary>
    /// Ends writing for good, because the node was evicted: closes the queue, and fails what waits. Other nodes decide about its users now.
    /// </summary>
    private WriteOutcome End()
    {
        _queue.Close();
        while (_queue.Count > 0) // a user can be queued once more when its state is given up
        {
            _commands.Clear();
            _queue.TakeBatch(_commands, int.MaxValue, int.MaxValue);
            foreach (var command in _commands)
                command.FailPermanently(_status.Eviction!);
        }
        return WriteOutcome.Evicted;
    }

    /// <summary>
    /// Decides and commits, and repeats that for the commands whose service instances were stale, and for the others of a batch with lost
    /// shards. After a number of attempts these fail, like those of a store that is away, so that other commands do not wait behind them
    /// without end.
    /// </summary>
    private WriteOutcome Write(List<Command> commands)
    {
        for (var attempts = 0; commands.Count > 0; attempts++)
        {
            if (attempts == Limits.DecisionAttempts)
            {
                foreach (var command in commands)
                    command.Fail(new StorageException("Other writers changed the service instance during each attempt."));
                return WriteOutcome.Failed;
            }
            var began = _time.GetTimestamp();
            var (batch, result) = ((CommandBatch?)null, (CommitResult?)null);
            Exception? fault = null;
            if (!_store.TryUse(() => fault = TryCommit(commands, out batch, out result), out var error))
            {
                foreach (var command in commands)
                    command.Fail(error);
                return WriteOutcome.Failed;
            }
            if (fault is not null)
                return Isolate(commands, fault);
            if (commands.Count == 0)
                return WriteOutcome.Written; // other nodes hold the shards of all of them, and nothing was committed

            // What is committed is not decided again, whatever follows throws: an exception ends the writer, and the process begins again
            // from the store.
            var stale = commands.FindAll(command => IsStale(command, result!));
            _status.Report(null);
            _metrics.CommitRecorded(_time.GetElapsedTime(began), commands.Count - stale.Count);
            Publish(batch!, result!);
            Complete(batch!, result!, commands);
            if (result!.LostShards.Length > 0)
            {
                _fence!.FailLost(commands, result);
            }
            else
            {
                commands.Clear();
                commands.AddRange(stale);
            }
            foreach (var command in commands)
                command.Reset();
        }
        return WriteOutcome.Written;
    }

    /// <summary>
    /// Decides and commits. Throws if the store failed and the commit did not happen. Returns what a faulty command threw, which is a bug
    /// in this program. In a cluster, removes the commands whose shards other nodes hold from the list. If none is left, commits nothing.
    /// </summary>
    private Exception? TryCommit(List<Command> commands, out CommandBatch? batch, out CommitResult? result)
    {
        (batch, result) = (null, null);
        try
        {
            batch = Decide(commands);
            if (commands.Count == 0)
                return null;
            result = _store.Commit(batch);
            batch.Settle(result);
            return null;
        }
        catch (StorageException) when (_store.IsInDoubt)
        {
            var (decided, all) = (batch!, commands.ToArray());
            _store.WhenSettled(happened =>
            {
                decided.Settle(happened);
                Publish(decided, happened);
                // The callers already got the error and ignore this. The tracked users must learn the outcome.
                Complete(decided, happened, all);
            });
            throw;
        }
#pragma warning disable CA1031 // whatever a faulty command throws, the writer must live on
        catch (Exception exception) when (exception is not StorageException)
#pragma warning restore CA1031
        {
            return exception;
        }
    }

    /// <summary>Reads what the commands need in one call, and decides them in memory.</summary>
    private CommandBatch Decide(List<Command> commands)
    {
        // Before anything is read: a batch that was read in other data than it names must not be committed.
        var (generation, data) = (_services.Generation, _fence?.Data ?? default);
        _keys.Clear();
        _read.Clear();
        _overlays.TakeBack();
        _collector.Begin();
        foreach (var command in commands)
            command.Collect(_collector);
        if (!_keys.IsEmpty)
            _store.Read(_keys, _read);
        var batch = new CommandBatch(_keys, _read, _overlays, _settings, _time.GetUtcNow(), _users)
        {
            CacheGeneration = generation,
            Data = data,
        };
        _fence?.Admit(commands, batch);
        foreach (var command in commands)
            command.Decide(batch);
        return batch;
    }

    private void Publish(CommandBatch batch, CommitResult result)
    {
        List<ServiceCommit>? commits = null;
        foreach (var service in batch.Services)
        {
            if (result.IsStale(service.Sid))
                continue;
            if (!service.IsVisible)
            {
                // Another node may have switched reachability. If the tracked users did not learn what this batch has read, they would
                // queue what it decided not to store again, without end.
                _services.ApplyToCached(service.Record, batch.CacheGeneration);
                continue;
            }
            if (service.IsDeleted)
            {
                _services.Remove(service.Sid, service.Id);
                _purge.NoteDeletion();
            }
            else
            {
                _services.Apply(service.Record, batch.CacheGeneration);
            }
            (commits ??= []).Add(service.ToCommit());
        }
        if (commits is not null)
        {
            foreach (var publisher in _publishers)
                publisher.Publish(commits);
        }
        if (!result.IsRefused)
            _apiKeys.Apply(batch.ApiKeys.Changed, batch.ApiKeys.Removed);
    }

    private void Complete(CommandBatch batch, CommitResult result, IReadOnlyList<Command> commands)
    {
        _fence?.Note(batch, result);
        foreach (var command in commands)
        {
            if (IsStale(command, result))
                continue;
            if (batch.Switches.Count > 0 && command is SwitchShards switching)
                switching.NoteResult(result);
            if (command.Target is { } target && batch.ShiftOf(target) is { IsNone: false } shift)
                command.Settle(shift);
            command.Complete(_users);
        }
        foreach (var service in batch.Services)
        {
            // Also where another node switched, and this commit was the first to show it here.
            if (!result.IsStale(service.Sid) && _services.FindCached(service.Sid) is { } cached && cached.TryTakeSwitch())
                _users.Reconsider(cached);
        }
        if (batch.CountRejectedUsers(result) is > 0 and var rejected)
            _metrics.QuotaRejected(QuotaNames.Of(Quota.Users), rejected);
    }

    private static bool IsStale(Command command, CommitResult result) =>
        result.IsRefused || (command.Target is { } target && result.IsStale(target));

    /// <summary>
    /// Handles a command that threw an unexpected exception, which is a bug in this program. Each command is tried alone, so that only the
    /// faulty one fails.
    /// </summary>
    private WriteOutcome Isolate(List<Command> commands, Exception exception)
    {
        _store.ReopenBeforeUse();
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
        _status.ReportFault(exception);
        commands[0].FailPermanently(new PresenceException(ErrorReason.Internal, "The command could not be decided.", exception));
        return WriteOutcome.Written;
    }
}
