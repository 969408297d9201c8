using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Server.Composition;

/// <summary>Passes commits to all consumers: to watches first, because their clients wait; webhook deliveries are only woken.</summary>
internal sealed class CommitPublishers(WatchHub hub, WebhookDispatcher webhooks) : ICommitPublisher
{
    /// <inheritdoc/>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        hub.Publish(commits);
        webhooks.Publish(commits);
    }
}
