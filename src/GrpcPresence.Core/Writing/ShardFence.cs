using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// What the writer of a node in a cluster may write: commands of the shards that the node holds. A single node has none. Used only by the
/// writer's thread.
/// </summary>
/// <param name="node">The run of this node, which each commit names.</param>
/// <param name="gates">The shards that the node holds. Closes those that a commit has lost or given away.</param>
public sealed class ShardFence(NodeId node, ShardGates gates)
{
    private readonly long[] _epochs = new long[Shard.Count]; // of the shards of the batch; 0 for the others
    private readonly List<Shard?> _shards = []; // of the commands of the batch, in their order

    /// <summary>The run of this node.</summary>
    public NodeId Node => node;

    /// <summary>The data that the node knows now.</summary>
    public DataIdentity Data => gates.Data;

    /// <summary>
    /// Removes the commands whose shards the node does not hold from the list and fails them. Adds the shards of the others to the batch.
    /// The epoch that counts is the one of now: if the node loses the shard before the commit, the store writes nothing. Nor does it if the
    /// node has learned other data since the batch was read, because the batch names the data of before.
    /// </summary>
    internal void Admit(List<Command> commands, CommandBatch batch)
    {
        _shards.Clear();
        Array.Clear(_epochs);
        var kept = 0;
        for (var i = 0; i < commands.Count; i++)
        {
            var command = commands[i];
            var shard = command.Subject.FindShard(batch);
            if (command is SwitchShards switching && FindUnsealed(switching) is { } unsealed)
            {
                command.FailPermanently(new ShardMovedException(unsealed));
                continue;
            }
            if (shard is { } needed && !TryName(needed, command.IsOfTracker, batch))
            {
                command.FailPermanently(new ShardMovedException(needed));
                continue;
            }
            _shards.Add(shard);
            commands[kept++] = command;
        }
        commands.RemoveRange(kept, commands.Count - kept);
    }

    /// <summary>Removes the commands of the lost shards from the list of those that were admitted last, and fails them.</summary>
    internal void FailLost(List<Command> commands, CommitResult result)
    {
        var kept = 0;
        for (var i = 0; i < commands.Count; i++)
        {
            if (LostShardOf(commands[i], _shards[i], result) is { } lost)
                commands[i].FailPermanently(new ShardMovedException(lost));
            else
                commands[kept++] = commands[i];
        }
        commands.RemoveRange(kept, commands.Count - kept);
    }

    /// <summary>
    /// Closes the gates of shards that the commit has lost or given away, so that further commands of them fail without a commit. A gate
    /// that has opened under a later epoch stays open.
    /// </summary>
    internal void Note(CommandBatch batch, CommitResult result)
    {
        foreach (var named in batch.Shards)
        {
            if (result.LostShards.Contains(named.Shard))
                gates.Lose(named.Shard, named.Epoch, batch.Data);
        }
        foreach (var named in batch.Switches)
        {
            if (result.SwitchEpoch is not null || result.LostShards.Contains(named.Shard))
                gates.Lose(named.Shard, named.Epoch, batch.Data);
        }
    }

    /// <summary>
    /// Returns a shard of the switch whose gate is not sealed under the epoch that the switch names, or null. The hand-over of such a shard
    /// is over: calls may go on, or the node has lost the shard.
    /// </summary>
    private Shard? FindUnsealed(SwitchShards switching)
    {
        foreach (var given in switching.Switches)
        {
            if (gates[given.Shard] != new ShardGate(ShardGateState.Sealed, given.Epoch))
                return given.Shard;
        }
        return null;
    }

    private bool TryName(Shard shard, bool isOfTracker, CommandBatch batch)
    {
        var gate = gates[shard];
        if (!gate.IsHeld || (gate.State == ShardGateState.Sealed && !isOfTracker))
            return false;
        if (_epochs[shard.Number] != 0)
            return true;
        _epochs[shard.Number] = gate.Epoch;
        batch.Shards.Add(new ShardEpoch(shard, gate.Epoch));
        return true;
    }

    private static Shard? LostShardOf(Command command, Shard? shard, CommitResult result)
    {
        if (command is SwitchShards)
            return result.LostShards[0];
        return shard is { } named && result.LostShards.Contains(named) ? named : null;
    }
}
