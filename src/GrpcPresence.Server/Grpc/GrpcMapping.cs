using Grpc.AspNetCore.Server;
using Grpc.Core;
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
            services.GetRequiredService<WatchUsersHandler>());
        bind(binder, services.GetRequiredService<TService>());
        var definition = binder.Build();
        app.MapGrpcService(_ => definition).Add(Describe);
    }

    /// <summary>Adds metadata to an endpoint, because the middlewares run before gRPC knows the method.</summary>
    private static void Describe(EndpointBuilder endpoint)
    {
        // The endpoints that return UNIMPLEMENTED have no method.
        if (endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault()?.Method is not { } method)
            return;
        endpoint.Metadata.Add(AuthorizationTable.Find(method.FullName)!);
        if (GrpcEndpoints.StreamOf(method) is { } stream)
            endpoint.Metadata.Add(stream);
    }
}
