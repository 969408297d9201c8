using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams.Connections;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Authenticates the calls of gRPC and gRPC-Web from their headers. gRPC reads and inflates a unary request before it calls the method, so
/// with a check there, any client that reaches the port could make the server buffer and inflate 4 MiB a call. Here a caller without valid
/// credentials is rejected first.
/// </summary>
internal sealed class CredentialsMiddleware(
    RequestDelegate next, Authenticator authenticator, AnonymousRequests anonymous, OpenCalls calls, ErrorMapper errors)
{
    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        // gRPC itself rejects what is not a call, without reading a body.
        if (http.GetEndpoint()?.Metadata.GetMetadata<AccessRule>() is not { IsPublic: false } rule || !IsCall(http.Request))
        {
            if (AnonymousRequests.FindRejection(http) is not { } rejection)
                return next(http);
            Reject(rejection, http.Request.Path.Value!, http);
            return Task.CompletedTask;
        }
        try
        {
            var authentication = authenticator.AuthenticateAsync(http);
            if (!authentication.IsCompletedSuccessfully)
                return WaitAsync(authentication, rule, http);
            Begin(http, authentication.Result);
        }
        catch (Exception exception)
        {
            RejectCaller(exception, rule, http);
            return Task.CompletedTask;
        }
        return next(http);
    }

    private static bool IsCall(HttpRequest request) =>
        HttpMethods.IsPost(request.Method)
        && !HttpProtocol.IsHttp11(request.Protocol)
        && request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) is true;

    private void Begin(HttpContext http, Caller caller)
    {
        http.Features.Set(new CallScope(caller));
        http.Features.Get<ConnectionPlace>()?.Trust(caller);
        calls.Hold(http, caller);
    }

    private async Task WaitAsync(ValueTask<Caller> authentication, AccessRule rule, HttpContext http)
    {
        try
        {
            Begin(http, await authentication);
        }
        catch (Exception exception)
        {
            RejectCaller(exception, rule, http);
            return;
        }
        await next(http);
    }

    private void RejectCaller(Exception exception, AccessRule rule, HttpContext http)
    {
        // The rejection of a gRPC call has headers only, which no window holds back. So it takes no place: a proxy may have thousands of
        // calls with expired tokens on one connection. That of gRPC-Web has a body.
        if (!GrpcWebMiddleware.WasServed(http) || anonymous.TryAdd(http))
            Reject(exception, rule.Method, http);
    }

    private void Reject(Exception exception, string method, HttpContext http) =>
        GrpcRejection.Write(http, errors.Map(exception, method, http.RequestAborted));
}
