using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Applies the limits of open requests before anything else sees a request. Requests to methods and operations that need credentials are
/// authenticated from their headers before anything waits; of these, only the rejected ones are counted, where they are rejected.
/// </summary>
internal sealed class RequestLimitsMiddleware(RequestDelegate next, OpenRequests open, AnonymousRequests anonymous)
{
    private const string GrpcContentType = "application/grpc";

    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        var metadata = http.GetEndpoint()?.Metadata;
        if (metadata?.GetMetadata<StreamMetadata>() is null)
            open.Bound(http);
        else
            open.Of(http); // counts a reset as that of a request that has begun
        return IsAuthenticatedFirst(http.Request, metadata) || anonymous.TryAdd(http) ? next(http) : Task.CompletedTask;
    }

    private static bool IsAuthenticatedFirst(HttpRequest request, EndpointMetadataCollection? metadata) =>
        metadata?.GetMetadata<AccessRule>() is { } rule
            ? !rule.IsPublic && IsCall(request)
            : metadata?.GetMetadata<AuthenticatesFirst>() is not null;

    private static bool IsCall(HttpRequest request) =>
        HttpMethods.IsPost(request.Method)
        && request.ContentType?.StartsWith(GrpcContentType, StringComparison.OrdinalIgnoreCase) is true;
}
