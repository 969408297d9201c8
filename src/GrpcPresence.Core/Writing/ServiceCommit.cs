using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The changes of one commit in one service instance. Immutable. It is complete: another node can publish it without a read. A serializer
/// needs every member of the records below, and rebuilds each state with <see cref="Domain.Users.UserState.FromParts"/>.
/// </summary>
/// <param name="Service">The service instance as committed.</param>
/// <param name="FirstRevision">The first revision that the commit took; the last is the service instance's.</param>
/// <param name="Users">The changes of users, by ascending revision.</param>
/// <param name="Configurations">The configurations that the commit set, by ascending revision.</param>
/// <param name="IsDeleted">Whether the service instance was deleted.</param>
/// <param name="IsPartial">
/// Whether users changed that are not in the list, because no publisher needed them when the commit was decided. They can be read from the
/// store.
/// </param>
public sealed record ServiceCommit(
    ServiceRecord Service,
    long FirstRevision,
    ImmutableArray<UserChange> Users,
    ImmutableArray<ServiceConfiguration> Configurations,
    bool IsDeleted,
    bool IsPartial = false)
{
    /// <summary>The timeline of the revisions. Those of another timeline cannot be compared with them.</summary>
    public Guid Timeline => Service.Timeline;

    /// <summary>The last revision that the commit took.</summary>
    public long LastRevision => Service.Revision;
}
