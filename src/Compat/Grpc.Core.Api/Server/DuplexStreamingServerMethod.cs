namespace Grpc.Core;

/// <summary>Serves a call with many requests and many responses.</summary>
/// <param name="requestStream">The requests.</param>
/// <param name="responseStream">Takes the responses until the method returns.</param>
/// <param name="context">The call.</param>
public delegate Task DuplexStreamingServerMethod<TRequest, TResponse>(
    IAsyncStreamReader<TRequest> requestStream,
    IServerStreamWriter<TResponse> responseStream,
    ServerCallContext context)
    where TRequest : class
    where TResponse : class;
