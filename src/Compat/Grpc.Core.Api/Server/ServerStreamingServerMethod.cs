namespace Grpc.Core;

/// <summary>Serves a call with one request and many responses.</summary>
/// <param name="request">The request.</param>
/// <param name="responseStream">Takes the responses until the method returns.</param>
/// <param name="context">The call.</param>
public delegate Task ServerStreamingServerMethod<TRequest, TResponse>(
    TRequest request,
    IServerStreamWriter<TResponse> responseStream,
    ServerCallContext context)
    where TRequest : class
    where TResponse : class;
