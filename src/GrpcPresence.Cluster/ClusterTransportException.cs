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
}
