using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// The data that a node knows, and what it does when the store shows other data: commits that were acknowledged may be lost then.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="ownership">The shards of the node.</param>
/// <param name="homes">The homes of the node.</param>
internal sealed class NodeData(NodeParts parts, ShardTable table, ShardOwnership ownership, HomeServices homes)
{
    private readonly Lock _gate = new(); // orders the loop and the hints of other nodes when the data becomes other data

    /// <summary>
    /// A poll shows other data than this node knew, or the first. Once the others hear that this node knows it, they count on it that every
    /// shard is closed here that is not of this node in that data.
    /// </summary>
    public void SwitchTo(ClusterPoll poll)
    {
        lock (_gate)
        {
            var now = parts.Clock.Now;
            var mayHaveLost = !parts.Confirmation.IsConfirmedThroughout(now);
            var isFirst = parts.Gates.Data == default;
            table.Reset(poll.Identity, poll.Shards);
            ownership.ResetForNewData(poll.Identity, mayHaveLost);
            if (!isFirst)
            {
                parts.Services.Reset();
                parts.Hub.Reset();
            }
            homes.ResetForNewData();
            parts.Confirmation.SetData(poll.Identity, now);
        }
    }

    /// <summary>Takes the commits of another node, unless they are of other data. From any thread.</summary>
    public void Take(CommitHint hint)
    {
        lock (_gate) // a hint of lost commits must not follow the reset of the cache
        {
            if (hint.Data != parts.Gates.Data)
                return;
            foreach (var commit in hint.Commits)
            {
                if (commit.IsDeleted)
                    parts.Services.Remove(commit.Service.Sid, commit.Service.Id);
                else
                    parts.Services.Update(commit.Service);
            }
        }
        parts.Hub.Publish(hint.Commits);
        parts.Webhooks?.Publish(hint.Commits);
    }
}
