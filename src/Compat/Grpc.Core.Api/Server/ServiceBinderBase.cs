namespace Grpc.Core;

/// <summary>
/// Receives the methods of a service. Derive from it to map them to something; a kind of method that is not overridden throws
/// <see cref="NotImplementedException"/>.
/// </summary>
public abstract class ServiceBinderBase
{
    /// <summary>Receives a method with one request and one response.</summary>
    /// <param name="method">The method.</param>
    /// <param name="handler">What serves it; null when only the method's description is known.</param>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        UnaryServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Receives a method with many requests and one response.</summary>
    /// <param name="method">The method.</param>
    /// <param name="handler">What serves it; null when only the method's description is known.</param>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        ClientStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Receives a method with one request and many responses.</summary>
    /// <param name="method">The method.</param>
    /// <param name="handler">What serves it; null when only the method's description is known.</param>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        ServerStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();

    /// <summary>Receives a method with many requests and many responses.</summary>
    /// <param name="method">The method.</param>
    /// <param name="handler">What serves it; null when only the method's description is known.</param>
    public virtual void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        where TRequest : class
        where TResponse : class
        => throw new NotImplementedException();
}
