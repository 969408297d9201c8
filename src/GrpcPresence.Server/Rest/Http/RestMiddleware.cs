using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Metrics;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// What holds for every REST request: how large it may be, who may ask for changes from a page, and that a failure is told as the product
/// tells it.
/// </summary>
internal sealed class RestMiddleware(RequestDelegate next, RestErrors errors, ServerSettings settings)
{
    private static readonly PathString Root = RestPaths.Root;
    private static readonly PathString Documents = "/openapi";
    private static readonly PathString Metrics = MetricsEndpoint.Path;

    /// <summary>
    /// Whether the request is one of REST. In any case of letters, as routing has it: an operation that ran without this would neither be
    /// guarded from dots
    /// nor have its refusals told. Asked of each call of gRPC too, so it allocates nothing.
    /// </summary>
    public static bool Serves(HttpContext http) =>
        http.Request.Path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase)
        || http.Request.Path.StartsWithSegments(Documents, StringComparison.OrdinalIgnoreCase)
        || http.Request.Path.StartsWithSegments(Metrics, StringComparison.OrdinalIgnoreCase);

    /// <summary>Runs the request.</summary>
    public async Task InvokeAsync(HttpContext http)
    {
        // The server has followed them: a user named ".." would be the service instance above, and with the user it would be deleted.
        if (RawPath.HasDotSegments(http))
        {
            await RestErrors.WriteNotFoundAsync(http);
            return;
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = Limits.FormBytes;
        try
        {
            if (CrossOrigin.IsForeignChange(http.Request, settings.AllowedOrigins))
                throw RestException.ForeignOrigin();
            await next(http);
        }
        catch (Exception exception) when (!http.Response.HasStarted)
        {
            await errors.WriteAsync(http, exception);
            return;
        }
        if (!http.Response.HasStarted && http.Response.StatusCode == StatusCodes.Status404NotFound)
            await RestErrors.WriteNotFoundAsync(http);
    }
}
