using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Loses batches on demand, like a node that missed a commit of another node.</summary>
internal sealed class LossyPublisher(ICommitPublisher next) : ICommitPublisher
{
    /// <summary>Whether the next batch is lost.</summary>
    public Func<bool> Loses { get; set; } = () => false;

    /// <summary>Whether the hub has a watch when the writer decides what to read.</summary>
    public Func<ServiceSid, bool> Needs { get; set; } = next.NeedsUsers;

    public bool NeedsUsers(ServiceSid service) => Needs(service);

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        if (!Loses())
            next.Publish(commits);
    }
}
