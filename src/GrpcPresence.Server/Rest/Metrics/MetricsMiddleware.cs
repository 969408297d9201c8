using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Rest.Metrics;

/// <summary>
/// Guards the metrics as a method of gRPC is guarded. They are about the whole deployment, so a caller whose scope is one service
/// instance is refused.
/// </summary>
internal sealed class MetricsMiddleware(RequestDelegate next, Authorizer authorizer, Authenticator authenticator, ServerSettings settings)
{
    /// <summary>Runs the request.</summary>
    public async Task InvokeAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
            throw RestException.MethodNotAllowed($"{HttpMethods.Get}, {HttpMethods.Head}");
        var caller = await authenticator.AuthenticateAsync(http);
        Authorizer.RequireRole(caller, AuthorizationTable.Metrics);
        // AllowAnonymous opens the methods to everybody who reaches the port. The figures of the whole deployment stay closed to a network.
        if (caller.Kind == CallerKind.Anonymous && (authenticator.HasCredentials || settings.ListensToNetwork))
            throw AccessErrors.CredentialsRequired();
        await authorizer.AuthorizeAsync(new CallScope(caller), AuthorizationTable.Metrics, http, http.RequestAborted);
        await WriteAsync(http);
    }

    /// <summary>
    /// Writes the metrics by way of memory. The exporter has one buffer for all scrapes, and does not fill it again before every client
    /// has read the last response. A client that stops reading would hold up the scrapes of all others for a minute.
    /// </summary>
    private async Task WriteAsync(HttpContext http)
    {
        var body = http.Response.Body;
        using var metrics = new MemoryStream();
        http.Response.Body = metrics;
        try
        {
            await next(http);
        }
        finally
        {
            http.Response.Body = body;
        }
        // The exporter answers so, without a body and without a log entry.
        if (http.Response.StatusCode == StatusCodes.Status500InternalServerError)
            throw new InvalidOperationException("The metrics could not be collected.");
        http.Response.ContentLength = metrics.Length;
        await body.WriteAsync(metrics.GetBuffer().AsMemory(0, (int)metrics.Length), http.RequestAborted);
    }
}
