using System.Collections.Immutable;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>What a node knows of the cluster, which a poll need not return again. Immutable.</summary>
/// <param name="Identity">
/// The identity of the data; <c>default</c> before the first poll. If it is another one, the poll returns everything.
/// </param>
/// <param name="MembersVersion">The <see cref="ClusterPoll.MembersVersion"/> of the last poll; 0 before the first one.</param>
/// <param name="Epoch">The <see cref="ClusterPoll.Epoch"/> of the last poll; 0 before the first one.</param>
/// <param name="Services">The service instances that the node caches or watches, each once.</param>
public sealed record KnownCluster(
    DataIdentity Identity, long MembersVersion, long Epoch, ImmutableArray<KnownService> Services)
{
    /// <summary>What a node knows before its first poll.</summary>
    public static KnownCluster Nothing { get; } = new(default, MembersVersion: 0, Epoch: 0, []);
}

/// <summary>A service instance that a node caches or watches.</summary>
/// <param name="Id">The store's key of the service instance.</param>
/// <param name="Revision">The revision that the node knows; -1 for none.</param>
/// <param name="Version">The <see cref="PolledService.Version"/> that the node knows; -1 for none.</param>
public readonly record struct KnownService(long Id, long Revision, long Version);
