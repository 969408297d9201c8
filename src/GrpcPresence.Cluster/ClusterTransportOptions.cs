using System.Net;

namespace GrpcPresence.Cluster;

/// <summary>The options of a <see cref="ClusterTransport"/>.</summary>
public sealed record ClusterTransportOptions
{
    /// <summary>The name of the cluster. Nodes with another one never meet, even if they use the same database. Never changes.</summary>
    public required string ClusterId { get; init; }

    /// <summary>
    /// The address and the port at which the other nodes reach this one. Its text is the name of the node. A node that restarts at the same
    /// address replaces its earlier run at once.
    /// </summary>
    public required IPEndPoint AdvertisedAddress { get; init; }

    /// <summary>The address and the port on which the node listens for the others; null for <see cref="AdvertisedAddress"/>.</summary>
    public IPEndPoint? ListenAddress { get; init; }

    /// <summary>
    /// The connection string of the database that has the tables of the membership, in the form of Npgsql. Its search path must name the
    /// schema of these tables first.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The certificates of the connections between nodes; null for none, which only loopback addresses allow.</summary>
    public ClusterTlsOptions? Tls { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
