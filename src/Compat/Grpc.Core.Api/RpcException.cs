namespace Grpc.Core;

/// <summary>
/// A call's failure: a client gets it from a failed call, and a service throws it to fail one with this status and these trailers.
/// </summary>
public class RpcException : Exception
{
    /// <summary>A failure with no trailers and a message made from the status.</summary>
    /// <param name="status">The call's outcome.</param>
    public RpcException(Status status)
        : this(status, Metadata.Empty, status.ToString())
    {
    }

    /// <summary>A failure with no trailers.</summary>
    /// <param name="status">The call's outcome.</param>
    /// <param name="message">The exception's message, for this side only.</param>
    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>A failure with a message made from the status.</summary>
    /// <param name="status">The call's outcome.</param>
    /// <param name="trailers">The call's trailing metadata.</param>
    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    /// <summary>A failure; the status' local cause is the inner exception.</summary>
    /// <param name="status">The call's outcome.</param>
    /// <param name="trailers">The call's trailing metadata.</param>
    /// <param name="message">The exception's message, for this side only.</param>
    public RpcException(Status status, Metadata trailers, string message)
        : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    /// <summary>The call's outcome.</summary>
    public Status Status { get; }

    /// <summary>The code in <see cref="Status"/>, handy in exception filters.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>The call's trailing metadata; empty when there was none.</summary>
    public Metadata Trailers { get; }
}
