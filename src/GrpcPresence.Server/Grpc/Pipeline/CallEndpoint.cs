using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams.Connections;
using GrpcPresence.Server.Streams.Requests;
using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// What happens to a call of gRPC or gRPC-Web before gRPC reads its body: its deadline and its credentials are checked from the headers,
/// and the body gets the rules of <see cref="RequestBody"/>. gRPC reads and inflates a unary request before it calls the method, so with a
/// check there, any client that reaches the port could make the server buffer and inflate 4 MiB a call. This wraps the endpoint of a
/// method. As middlewares, each of these checks searched the metadata of the endpoint again, at the cost of 3 % of a heartbeat.
/// </summary>
/// <param name="grpc">The endpoint of gRPC.</param>
/// <param name="rule">The row of the method. Null for the endpoints that return UNIMPLEMENTED.</param>
/// <param name="streamsRequests">Whether the request is a stream, whose body may rest between messages.</param>
/// <param name="services">The services of the server.</param>
internal sealed class CallEndpoint(RequestDelegate grpc, AccessRule? rule, bool streamsRequests, IServiceProvider services)
{
    private readonly Authenticator _authenticator = services.GetRequiredService<Authenticator>();
    private readonly AnonymousRequests _anonymous = services.GetRequiredService<AnonymousRequests>();
    private readonly OpenCalls _calls = services.GetRequiredService<OpenCalls>();
    private readonly ErrorMapper _errors = services.GetRequiredService<ErrorMapper>();
    private readonly TimeProvider _time = services.GetRequiredService<TimeProvider>();

    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        // gRPC itself rejects what is not a call, without reading a body.
        if (rule is null || !GrpcContentType.IsCall(http.Request))
            return RunAnonymousAsync(http);
        if (GrpcTimeout.TryReject(http))
            return Task.CompletedTask;
        if (rule.IsPublic)
            return RunAnonymousAsync(http);
        try
        {
            var authentication = _authenticator.AuthenticateAsync(http);
            if (!authentication.IsCompletedSuccessfully)
                return WaitAsync(authentication, http);
            Begin(http, authentication.Result);
        }
        catch (Exception exception)
        {
            RejectCaller(exception, rule, http);
            return Task.CompletedTask;
        }
        return RunAsync(http);
    }

    private Task RunAnonymousAsync(HttpContext http)
    {
        if (AnonymousRequests.FindRejection(http) is not { } rejection)
            return RunAsync(http);
        Reject(rejection, http.Request.Path.Value!, http);
        return Task.CompletedTask;
    }

    private Task RunAsync(HttpContext http)
    {
        http.Features.Set<IRequestBodyPipeFeature>(new RequestBody(http.Request.BodyReader, http, rule, streamsRequests, _time));
        return grpc(http);
    }

    private void Begin(HttpContext http, Caller caller)
    {
        http.Features.Set(new CallScope(caller));
        ConnectionFeature<ConnectionPlace>.Of(http)?.Trust(caller);
        _calls.Hold(http, caller);
    }

    private async Task WaitAsync(ValueTask<Caller> authentication, HttpContext http)
    {
        try
        {
            Begin(http, await authentication);
        }
        catch (Exception exception)
        {
            RejectCaller(exception, rule!, http);
            return;
        }
        await RunAsync(http);
    }

    private void RejectCaller(Exception exception, AccessRule called, HttpContext http)
    {
        // The rejection of a gRPC call has headers only, which no window holds back. So it takes no place: a proxy may have thousands of
        // calls with expired tokens on one connection. That of gRPC-Web has a body.
        if (!GrpcWebMiddleware.WasServed(http) || _anonymous.TryAdd(http))
            Reject(exception, called.Method, http);
    }

    private void Reject(Exception exception, string method, HttpContext http) =>
        GrpcRejection.Write(http, _errors.Map(exception, method, http.RequestAborted));
}
