namespace GrpcPresence.Core.Writing;

/// <summary>Receives what was committed, in the order of the commits, before any caller is answered.</summary>
public interface ICommitPublisher
{
    /// <summary>Called on the writer's thread; must neither wait nor throw.</summary>
    void Publish(IReadOnlyList<ServiceCommit> commits);
}
