using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams.Http2;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Applies the limits of open requests before anything else sees a request, and ends streams when the server stops. Requests to methods
/// and operations that need credentials are authenticated from their headers before anything waits; of these, only the rejected ones are
/// counted, where they are rejected.
/// </summary>
internal sealed class RequestLimitsMiddleware(
    RequestDelegate next, ReusedStreams reused, OpenRequests open, AnonymousRequests anonymous, StreamShutdown shutdown)
{
    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        reused.Prepare(http);
        var metadata = http.GetEndpoint()?.Metadata;
        var stream = metadata?.GetMetadata<StreamMetadata>();
        open.Begin(http, isUnary: stream is null);
        if (!IsAuthenticatedFirst(http.Request, metadata) && !anonymous.TryAdd(http))
            return Task.CompletedTask;
        // Outside gRPC-Web, which writes the trailers into the body: a stream stays open until its client has read them.
        return stream is null ? next(http) : shutdown.RunAsync(http, stream, next);
    }

    private static bool IsAuthenticatedFirst(HttpRequest request, EndpointMetadataCollection? metadata) =>
        metadata?.GetMetadata<AccessRule>() is { } rule
            ? !rule.IsPublic && HttpMethods.IsPost(request.Method) && GrpcContentType.IsGrpc(request)
            : metadata?.GetMetadata<AuthenticatesFirst>() is not null;
}
