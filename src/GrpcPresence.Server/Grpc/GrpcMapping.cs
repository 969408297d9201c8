using Grpc.AspNetCore.Server;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Forwarding;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Grpc;

/// <summary>Maps gRPC services. One object serves all calls of a service.</summary>
internal static class GrpcMapping
{
    /// <summary>Maps the methods that <paramref name="bind"/> binds. Pass a generated <c>BindService</c>.</summary>
    public static void MapService<TService>(this WebApplication app, Action<ServiceBinderBase, TService> bind)
        where TService : class
    {
        var services = app.Services;
        var binder = new MethodBinder(
            services.GetRequiredService<MethodPipeline>(),
            services.GetRequiredService<LocalMethods>(),
            services.GetRequiredService<WatchUsersHandler>(),
            services.GetService<CallForwarder>());
        bind(binder, services.GetRequiredService<TService>());
        var definition = binder.Build();
        app.MapGrpcService(_ => definition).Add(endpoint => Wrap(endpoint, services));
    }

    /// <summary>
    /// Wraps an endpoint into a <see cref="CallEndpoint"/>, and adds metadata for the middlewares, which run before gRPC knows the method.
    /// </summary>
    private static void Wrap(EndpointBuilder endpoint, IServiceProvider services)
    {
        // The endpoints that return UNIMPLEMENTED have no method.
        var method = endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault()?.Method;
        var rule = method is null ? null : AuthorizationTable.Find(method.FullName);
        var streamsRequests = method?.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming;
        endpoint.RequestDelegate = new CallEndpoint(endpoint.RequestDelegate!, rule, streamsRequests, services).InvokeAsync;
        if (rule is not null)
            endpoint.Metadata.Add(rule);
        if (method is not null && GrpcEndpoints.StreamOf(method) is { } stream)
            endpoint.Metadata.Add(stream);
    }
}
