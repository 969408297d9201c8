using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// Records every commit, and does not forward some of them to the hub. The hub's resulting reads may hang, like any read.
/// </summary>
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
