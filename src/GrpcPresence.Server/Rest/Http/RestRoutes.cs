using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Connections;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Maps operations. Each request is authenticated first. Then the form is read and the operation runs. The pipeline authorizes and charges
/// the calls of an operation like gRPC calls.
/// </summary>
internal sealed class RestRoutes(
    IEndpointRouteBuilder routes,
    LocalMethods methods,
    Authenticator authenticator,
    OpenCalls calls,
    ServerSettings settings,
    TimeProvider time)
{
    private readonly Dictionary<string, List<string>> _methods = [];

    /// <summary>Maps a read.</summary>
    public void Get<TResource>(string pattern, RestOperation operation, Func<RestRequest, Task<TResource>> handler) =>
        Map(HttpMethods.Get, pattern, operation, typeof(TResource), call => WriteAsync(handler, call));

    /// <summary>Maps a creation or an update.</summary>
    public void Post<TResource>(string pattern, RestOperation operation, Func<RestRequest, Task<TResource>> handler) =>
        Map(HttpMethods.Post, pattern, operation, typeof(TResource), call => WriteAsync(handler, call));

    /// <summary>Maps a deletion, whose response has no body.</summary>
    public void Delete(string pattern, RestOperation operation, Func<RestRequest, Task> handler) =>
        Map(HttpMethods.Delete, pattern, operation, resource: null, call =>
        {
            call.Http.Response.StatusCode = operation.Status;
            return handler(call);
        });

    /// <summary>Maps a stream, whose handler writes the response.</summary>
    public void Stream<TEvent>(string pattern, RestOperation operation, Func<RestRequest, Task> handler) =>
        Map(HttpMethods.Get, pattern, operation, typeof(TEvent), handler, new StreamMetadata(DrainsItself: true));

    /// <summary>
    /// Maps all other methods of the paths to an error. gRPC's route pattern matches some of these paths too, so a wrong method would
    /// otherwise get "not found" instead of "method not allowed".
    /// </summary>
    public void RejectOtherMethods()
    {
        foreach (var (pattern, served) in _methods)
        {
            var allowed = string.Join(", ", served);
            routes.Map(pattern, http => throw RestException.MethodNotAllowed(allowed)).WithOrder(1).WithDisplayName(pattern);
        }
    }

    private static async Task WriteAsync<TResource>(Func<RestRequest, Task<TResource>> handler, RestRequest call)
    {
        var resource = await handler(call);
        call.Http.Response.StatusCode = call.Operation.Status;
        await call.Http.Response.WriteAsJsonAsync(resource, RestJson.Options, call.Http.RequestAborted);
    }

    private void Map(
        string method,
        string pattern,
        RestOperation operation,
        Type? resource,
        Func<RestRequest, Task> handler,
        params object[] metadata)
    {
        var produced = resource is null
            ? new ProducesResponseTypeMetadata(operation.Status, typeof(void))
            : new ProducesResponseTypeMetadata(operation.Status, resource, [operation.Produces]);
        // The OpenAPI document only contains endpoints whose metadata names a handler method.
        if (!_methods.TryGetValue(pattern, out var served))
            _methods[pattern] = served = [];
        served.Add(method);
        routes.MapMethods(pattern, [method], RunAsync)
            .WithMetadata([operation, produced, ((Delegate)RunAsync).Method, AuthenticatesFirst.Instance, .. metadata])
            .WithDisplayName(operation.Id);
        // HEAD is the same without a body, which RestMiddleware drops. The OpenAPI document does not repeat it.
        if (method == HttpMethods.Get)
        {
            served.Add(HttpMethods.Head);
            routes.MapMethods(pattern, [HttpMethods.Head], RunAsync)
                .WithMetadata([AuthenticatesFirst.Instance, .. metadata]).WithDisplayName(operation.Id);
        }

        async Task RunAsync(HttpContext http)
        {
            var caller = await authenticator.AuthenticateAsync(http);
            ConnectionFeature<ConnectionPlace>.Of(http)?.Trust(caller);
            calls.Hold(http, caller);
            http.Features.Set(new CallScope(caller) { HasWaited = true }); // the pipeline of the methods does not authenticate
            var query = UrlParameters.OfQuery(http.Request);
            var form = await RestForm.ReadAsync(http, time);
            await handler(new RestRequest(http, caller, operation, query, form, methods, settings.AccountSid));
        }
    }
}
