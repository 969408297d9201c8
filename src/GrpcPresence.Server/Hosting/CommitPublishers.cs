using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;

namespace GrpcPresence.Server.Hosting;

/// <summary>Passes commits on to all who hear of them: watches first, because their clients wait; receivers of webhooks are only woken.</summary>
internal sealed class CommitPublishers(WatchHub hub, WebhookDispatcher webhooks) : ICommitPublisher
{
    /// <inheritdoc/>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        hub.Publish(commits);
        webhooks.Publish(commits);
    }
}
