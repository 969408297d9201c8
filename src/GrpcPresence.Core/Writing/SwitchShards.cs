using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// Gives shards of this node to other nodes, alone in its commit. The caller has sealed the shards before, so that no command of them is
/// queued that was not queued then. <see cref="ShardMovedException"/> if the gate of one of them is not sealed under its epoch any more, or
/// if the store does not show it with this node under that epoch. Closes the gates of the shards that were switched.
/// </summary>
/// <remarks>
/// When it is decided, the commands before it are committed or have failed, and nothing is in doubt, because the store was reopened after a
/// failure. What the tracker has queued and the store has not taken is queued again, so the queue contains all that is not settled. The
/// commands of callers do not matter: a sealed shard takes none, and the receiver can run them.
/// </remarks>
/// <param name="queue">The queue of this command.</param>
/// <param name="switches">The shards.</param>
public sealed class SwitchShards(CommandQueue queue, IReadOnlyList<ShardSwitch> switches) : Command<SwitchOutcome>
{
    private volatile bool _wasDecided;

    /// <inheritdoc/>
    public override CommandSubject Subject => default;

    internal override Domain.Services.ServiceSid? Target => null;

    /// <summary>The shards.</summary>
    internal IReadOnlyList<ShardSwitch> Switches => switches;

    /// <summary>
    /// Whether the command was decided at least once. One that never was, because the store had failed before, has changed nothing.
    /// </summary>
    public bool WasDecided => _wasDecided;

    /// <summary>Notes the result of the commit, before the command is completed.</summary>
    internal void NoteResult(CommitResult result)
    {
        if (result.SwitchEpoch is { } epoch)
            Answer(new SwitchOutcome(SwitchState.Switched, epoch));
    }

    private protected override void CollectCore(KeyCollector keys)
    {
    }

    private protected override SwitchOutcome DecideCore(CommandBatch batch)
    {
        _wasDecided = true;
        var shards = switches.Select(given => given.Shard).ToHashSet();
        if (queue.ToArray().Any(command => command.IsOfTracker && command.Subject.Shard is { } shard && shards.Contains(shard)))
            return new SwitchOutcome(SwitchState.NotSettled, Epoch: 0);
        batch.Switches.AddRange(switches);
        return new SwitchOutcome(SwitchState.ReceiverGone, Epoch: 0); // unless the result says that they were switched
    }
}

/// <summary>What became of a switch of shards.</summary>
/// <param name="State">The outcome.</param>
/// <param name="Epoch">The epoch that the shards have now; 0 if they were not switched.</param>
public readonly record struct SwitchOutcome(SwitchState State, long Epoch);

/// <summary>The outcome of a <see cref="SwitchShards"/> that was not lost.</summary>
public enum SwitchState
{
    /// <summary>The receivers hold the shards.</summary>
    Switched,

    /// <summary>Nothing changed: commands of the shards are still queued. Trying again later may help.</summary>
    NotSettled,

    /// <summary>Nothing changed: a receiver is not active.</summary>
    ReceiverGone,
}
