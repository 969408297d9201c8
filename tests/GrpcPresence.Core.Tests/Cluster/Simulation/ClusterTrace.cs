using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>What a history has committed and delivered, a line each with its time, without the random SIDs of users.</summary>
internal sealed class ClusterTrace(SimulatedClock clock)
{
    private readonly List<string> _lines = [];

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Adds a commit that a node has published.</summary>
    public void Commit(NodeId node, ServiceCommit commit) => _lines.Add(
        $"{clock.Now} {node} commits {commit.FirstRevision}-{commit.LastRevision}: {Describe(commit.Users.Select(user => user.State))}");

    /// <summary>Adds the numbers of messages that nodes have received, and of webhooks that were sent, by the end of a step.</summary>
    public void Step(ClusterStep step, long delivered, int sent) => _lines.Add($"{clock.Now} {step} {delivered} {sent}");

    /// <summary>Adds a message that a client has received.</summary>
    public void Deliver(NodeId? node, WatchEvent message)
    {
        var users = message is WatchEvent.Updates updates ? Describe(updates.Users.Select(update => update.State)) : "";
        _lines.Add($"{clock.Now} {node} delivers {message.GetType().Name} {message.Token?.Base}-{message.Token?.Position}: {users}");
    }

    private static string Describe(IEnumerable<UserState> users) =>
        string.Join(", ", users.Select(user => $"{user.Identity} {user.Revision} {user.IsOnline} {user.Record?.FriendlyName}"));
}
