using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing;

/// <summary>The changes of one transaction in one service instance. Immutable.</summary>
/// <param name="Service">The service instance as committed.</param>
/// <param name="FirstRevision">The first revision that the transaction took; the last is the service instance's.</param>
/// <param name="Users">The changes of users, by ascending revision.</param>
/// <param name="Configurations">The configurations that the transaction set, by ascending revision.</param>
/// <param name="IsDeleted">Whether the service instance was deleted.</param>
public sealed record ServiceCommit(
    ServiceRecord Service,
    long FirstRevision,
    ImmutableArray<UserChange> Users,
    ImmutableArray<ServiceConfiguration> Configurations,
    bool IsDeleted)
{
    /// <summary>The last revision that the transaction took.</summary>
    public long LastRevision => Service.Revision;
}
