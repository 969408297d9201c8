using System.Text;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Quotas;

/// <summary>The key of a subject's usage counters, the same on every node.</summary>
/// <param name="Kind">The kind of subject.</param>
/// <param name="Number">The store's key of the service instance, or the SID of the end user's.</param>
/// <param name="Text">The id of the API key, or the identity of the end user.</param>
public readonly record struct QuotaKey(QuotaKind Kind, UInt128 Number, string Text)
{
    /// <summary>
    /// Whether the nodes of a cluster share the subject's quotas. End users' quotas stay per node: there are millions of end users, each
    /// with a few connections, and their service instance's quota bounds them all.
    /// </summary>
    public bool IsShared => Kind != QuotaKind.EndUser;

    /// <summary>
    /// The shard whose holder lends the subject's quotas. A hash of the key, because a charge knows no SID and an API key may belong to no
    /// service instance.
    /// </summary>
    public Shard Home => new((int)(Shard.Hash(Number ^ (UInt128)(int)Kind, Encoding.UTF8.GetBytes(Text)) % Shard.Count));

    /// <summary>Returns the key of a service instance.</summary>
    public static QuotaKey Of(long serviceId) => new(QuotaKind.ServiceInstance, (UInt128)serviceId, "");

    /// <summary>Returns the key of an API key.</summary>
    public static QuotaKey Of(string apiKeyId) => new(QuotaKind.ApiKey, 0, apiKeyId);

    /// <summary>Returns the key of an end user.</summary>
    public static QuotaKey Of(ServiceSid service, Identity user) => new(QuotaKind.EndUser, service.Value, user.ToString());
}
