using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>Inspects each commit before the hub receives it.</summary>
internal sealed class PublisherSpy(ICommitPublisher next, Action<ServiceCommit> look) : ICommitPublisher
{
    public bool NeedsUsers(ServiceSid service) => true;

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits)
            look(commit);
        next.Publish(commits);
    }
}
