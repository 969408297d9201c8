using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>Keeps what a node commits, as it would send it to the other nodes, and publishes it to the hub of the node itself.</summary>
internal sealed class CommitRecorder(ICommitPublisher next) : ICommitPublisher
{
    /// <summary>The commits that were not taken, in their order.</summary>
    public List<ServiceCommit> Commits { get; } = [];

    /// <summary>Whether another node needs the users of a commit.</summary>
    public bool IsWatchedElsewhere { get; set; } = true;

    public bool NeedsUsers(ServiceSid service) => IsWatchedElsewhere || next.NeedsUsers(service);

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        Commits.AddRange(commits.Select(Copy));
        next.Publish(commits);
    }

    /// <summary>Returns all commits, and forgets them.</summary>
    public ServiceCommit[] Take()
    {
        var taken = Commits.ToArray();
        Commits.Clear();
        return taken;
    }

    /// <summary>Copies a commit through its public parts, as a serializer does.</summary>
    private static ServiceCommit Copy(ServiceCommit commit) => new(
        commit.Service with { Configuration = commit.Service.Configuration with { } },
        commit.FirstRevision,
        [.. commit.Users.Select(change => change with { State = Copy(change.State) })],
        [.. commit.Configurations.Select(configuration => configuration with { })],
        commit.IsDeleted,
        commit.IsPartial);

    private static UserState Copy(UserState user) => UserState.FromParts(
        user.Service,
        user.Sid,
        user.Identity,
        user.Record is { } record ? record with { } : null,
        user.Revision,
        user.IsOnline,
        user.IsNotifiable,
        user.LastOnlineTime);
}
