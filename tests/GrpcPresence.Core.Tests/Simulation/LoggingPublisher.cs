using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>Writes every commit down, and loses some on the way to the hub. What the hub then reads may hang, as any read.</summary>
internal sealed class LoggingPublisher(ICommitPublisher next, Truth truth, StoreFaults faults, Func<bool> loses) : ICommitPublisher
{
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits)
            truth.Take(commit);
        if (loses())
            return;
        faults.Reader.Value = this;
        next.Publish(commits);
        faults.Reader.Value = null;
    }
}
