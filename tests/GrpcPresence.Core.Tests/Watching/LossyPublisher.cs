using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Loses batches on demand, as a node does that did not hear of another's commit.</summary>
internal sealed class LossyPublisher(ICommitPublisher next) : ICommitPublisher
{
    /// <summary>Whether the next batch is lost.</summary>
    public Func<bool> Loses { get; set; } = () => false;

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        if (!Loses())
            next.Publish(commits);
    }
}
