using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Metrics;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams.Requests;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Applies the rules of every request that is not gRPC: its maximum size, the origins of pages that may request changes, and the format of
/// errors.
/// </summary>
internal sealed class RestMiddleware(
    RequestDelegate next, RestErrors errors, AnonymousRequests anonymous, ServerSettings settings)
{
    private static readonly PathString Root = RestPaths.Root;
    private static readonly PathString Documents = "/openapi";
    private static readonly PathString Metrics = MetricsEndpoint.Path;

    /// <summary>
    /// Whether the request is not gRPC: by its content type, or by its path. Ignores case, as routing does. Otherwise an operation could
    /// run without the check for dot segments, and its errors would have another format. Runs for each gRPC call too, so it allocates
    /// nothing.
    /// </summary>
    public static bool Serves(HttpContext http) =>
        !GrpcContentType.IsGrpc(http.Request) || HasRestPath(http.Request.Path);

    // No path of gRPC gets beyond the first letter.
    private static bool HasRestPath(PathString path) => path.Value is ['/', var first, ..] && (first | ' ') switch
    {
        'v' => path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase),
        'o' => path.StartsWithSegments(Documents, StringComparison.OrdinalIgnoreCase),
        'm' => path.StartsWithSegments(Metrics, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    /// <summary>Runs the request, and writes its error.</summary>
    public async Task InvokeAsync(HttpContext http)
    {
        // The response to HEAD has no body, but the operations write one. Over HTTP/2, the server would send it.
        if (HttpMethods.IsHead(http.Request.Method))
            http.Response.Body = Stream.Null;
        // The server has already resolved dot segments. The path of a user named ".." would become the path of the service instance, and
        // deleting the user would delete the service instance.
        if (RawPath.HasDotSegments(http))
        {
            // The endpoint would authenticate first, and may be a stream. Nothing has counted or bounded this request yet.
            OpenRequests.Bound(http);
            if (anonymous.TryAdd(http))
                await RestErrors.WriteNotFoundAsync(http);
            return;
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = http.GetEndpoint()?.Metadata.GetMetadata<RestOperation>()?.MaxFormBytes ?? Limits.UndeclaredFormBytes;
        try
        {
            if (AnonymousRequests.FindRejection(http) is { } rejection)
                throw rejection;
            if (CrossOrigin.IsForeignChange(http.Request, settings.AllowedOrigins))
                throw RestException.ForeignOrigin();
            await next(http);
        }
        catch (Exception exception) when (!http.Response.HasStarted)
        {
            if (anonymous.TryAdd(http))
                await errors.WriteAsync(http, exception);
            return;
        }
        if (!http.Response.HasStarted && http.Response.StatusCode >= StatusCodes.Status400BadRequest)
            await RestErrors.WriteStatusAsync(http);
    }
}
