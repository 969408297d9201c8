using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// Records every commit, and does not forward some of them to the hub. The hub's resulting reads may hang, like any read.
/// </summary>
internal sealed class LoggingPublisher(ICommitPublisher next, Truth truth, StoreFaults faults, Func<bool> loses) : ICommitPublisher
{
    private readonly HashSet<ServiceSid> _unneeded = []; // service instances whose users the hub did not need for this commit

    public bool NeedsUsers(ServiceSid service)
    {
        if (next.NeedsUsers(service))
            _unneeded.Remove(service);
        else
            _unneeded.Add(service);
        return true; // the truth needs them
    }

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits)
            truth.Take(commit);
        if (loses())
            return;
        faults.Reader.Value = this;
        next.Publish([
            .. commits.Select(commit => _unneeded.Contains(commit.Service.Sid) ? commit with { Users = [], IsPartial = true } : commit),
        ]);
        faults.Reader.Value = null;
    }
}
