using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>Records every commit before the hub, and so before any client, receives it. Safe from any thread.</summary>
internal sealed class TruthRecorder(WatchHub hub) : ICommitPublisher
{
    private readonly ConcurrentDictionary<ServiceSid, Truth> _truths = [];

    /// <summary>What was committed in the service instance.</summary>
    public Truth Of(ServiceSid service) => _truths.GetOrAdd(service, static _ => new Truth());

    public bool NeedsUsers(ServiceSid service) => true;

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits.Where(commit => !commit.IsDeleted))
            Of(commit.Service.Sid).Take(commit);
        hub.Publish(commits);
    }
}
