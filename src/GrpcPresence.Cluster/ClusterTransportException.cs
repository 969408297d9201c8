namespace GrpcPresence.Cluster;

/// <summary>The node cannot take part in the cluster. The message is one line for operators, and contains no secret.</summary>
public sealed class ClusterTransportException : Exception
{
    /// <summary>Creates an exception with a message.</summary>
    public ClusterTransportException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception with a message and a cause.</summary>
    public ClusterTransportException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>What must change before another attempt can succeed.</summary>
    public ClusterTransportProblem Problem { get; init; }
}

/// <summary>Why a node cannot take part in the cluster.</summary>
public enum ClusterTransportProblem
{
    /// <summary>An option, a file of TLS or the database must be changed first.</summary>
    Options,

    /// <summary>The node cannot listen on its address: the port is in use, or the address is that of another machine.</summary>
    Address,

    /// <summary>The database or other nodes do not answer. A later attempt may succeed.</summary>
    Away,
}
