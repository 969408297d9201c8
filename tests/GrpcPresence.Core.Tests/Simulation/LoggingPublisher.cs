using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// Records every commit, and does not forward some of them to the hub, or later. The hub's resulting reads may hang, like any read.
/// </summary>
internal sealed class LoggingPublisher(
    ICommitPublisher next, Truth truth, StoreFaults faults, Func<bool> loses, Func<bool> delays, bool sendsWhole) : ICommitPublisher
{
    private readonly List<ServiceCommit[]> _delayed = [];
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
        ServiceCommit[] sent =
        [
            .. commits.Select(commit => !sendsWhole && _unneeded.Contains(commit.Service.Sid)
                ? commit with { Users = [], IsPartial = true }
                : commit),
        ];
        if (delays())
            _delayed.Add(sent);
        else
            Send(sent);
    }

    /// <summary>Forwards one of the delayed batches, in any order; the number selects it. Keeps it if it is to arrive again.</summary>
    public void Arrive(int choice, bool again)
    {
        if (_delayed.Count == 0)
            return;
        var batch = _delayed[choice % _delayed.Count];
        if (!again)
            _delayed.RemoveAt(choice % _delayed.Count);
        Send(batch);
    }

    private void Send(ServiceCommit[] commits)
    {
        faults.Reader.Value = this;
        next.Publish(commits);
        faults.Reader.Value = null;
    }
}
