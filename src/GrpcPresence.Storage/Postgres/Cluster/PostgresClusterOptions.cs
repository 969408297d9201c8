using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>What all nodes of a cluster must agree on. The first node stores it, and the others are refused if theirs differs.</summary>
public sealed record PostgresClusterOptions
{
    /// <summary>The name of the cluster, which its operator chooses. Membership uses it too.</summary>
    public required string ClusterId { get; init; }

    /// <summary>What <see cref="CheckOf"/> returns for the secret of this node.</summary>
    public required ReadOnlyMemory<byte> SecretCheck { get; init; }

    /// <summary>
    /// Returns a check value that two nodes compare instead of their secret: a keyed hash, from which nobody can compute the secret.
    /// </summary>
    public static ReadOnlyMemory<byte> CheckOf(ReadOnlySpan<byte> secret, string clusterId) =>
        HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"grpc-presence secret check of cluster {clusterId}"));
}
