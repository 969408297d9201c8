using GrpcPresence.Core.Changes;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>Writes every commit down, and loses some on the way to the hub.</summary>
internal sealed class LoggingPublisher(ICommitPublisher next, Truth truth, Func<bool> loses) : ICommitPublisher
{
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits)
            truth.Take(commit);
        if (!loses())
            next.Publish(commits);
    }
}
