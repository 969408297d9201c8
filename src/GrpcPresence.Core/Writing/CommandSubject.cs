using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// What a command decides about. In a cluster, the node runs it that holds the shard of it: the shard of the user, or the home shard for
/// what concerns a service instance as a whole.
/// </summary>
/// <param name="Service">The service instance; null for what belongs to no shard.</param>
/// <param name="User">The user; null for what concerns the service instance as a whole.</param>
/// <param name="Binding">The push binding whose user it is, if the command does not name the user; otherwise null.</param>
public readonly record struct CommandSubject(ServiceSid? Service, UserKey? User = null, BindingSid? Binding = null)
{
    /// <summary>
    /// Whether the shard is known without a look at the rows. It is not for a user named by SID: the shard follows from the identity.
    /// </summary>
    public bool IsShardKnown => Service is null || (Binding is null && User is not { IsSid: true });

    /// <summary>The shard; null for what belongs to no shard, or unless <see cref="IsShardKnown"/>.</summary>
    public Shard? Shard => Service is not { } service || !IsShardKnown
        ? null
        : User is { } user ? Domain.Cluster.Shard.Of(service, user.Identity) : Domain.Cluster.Shard.Of(service);

    /// <summary>
    /// Returns the shard with the help of the rows that the batch has read; null for what belongs to no shard, and for a user that does not
    /// exist. A command that names such a user by SID is rejected and writes nothing.
    /// </summary>
    internal Shard? FindShard(CommandBatch batch)
    {
        if (IsShardKnown)
            return Shard;
        if (batch.FindService(Service!.Value) is not { } service)
            return null;
        var owner = Binding is { } binding
            ? service.Rows.FindBinding(binding)?.Identity
            : service.Rows.FindUser(User!.Value)?.Identity;
        return owner is { } identity ? Domain.Cluster.Shard.Of(service.Sid, identity) : null;
    }
}
