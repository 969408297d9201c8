namespace GrpcPresence.Core.Writing;

/// <summary>Takes what was committed, in the order of the commits, before anybody is told that it was.</summary>
public interface ICommitPublisher
{
    /// <summary>Called on the writer's thread; must neither wait nor throw.</summary>
    void Publish(IReadOnlyList<ServiceCommit> commits);
}
