using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Rejects requests whose host <see cref="HostFilter"/> does not accept, before anything else sees them: also preflight requests, health
/// and reflection, and whichever protocol they use.
/// </summary>
internal sealed class HostMiddleware(RequestDelegate next, HostFilter hosts, RestErrors errors, AnonymousRequests anonymous)
{
    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        if (hosts.Accepts(http))
            return next(http);
        var error = AccessErrors.HostNotAllowed();
        if (RestMiddleware.Serves(http))
        {
            // The response to HEAD has no body.
            if (HttpMethods.IsHead(http.Request.Method))
                http.Response.Body = Stream.Null;
            return anonymous.TryAdd(http) ? errors.WriteAsync(http, error) : Task.CompletedTask;
        }
        if (GrpcWebMiddleware.Serves(http))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            GrpcRejection.Write(http, ErrorDetails.ToRpcException(error), GrpcContentType.GrpcWeb);
        }
        else
        {
            GrpcRejection.Write(http, ErrorDetails.ToRpcException(error));
        }
        return Task.CompletedTask;
    }
}
