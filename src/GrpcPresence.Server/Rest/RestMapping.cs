using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Rest.Api;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Events;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Rest;

/// <summary>Puts the REST interface into the server.</summary>
internal static class RestMapping
{
    /// <summary>Adds what it needs.</summary>
    public static IServiceCollection AddRest(this IServiceCollection services)
    {
        services.AddSingleton<RestErrors>();
        services.AddRestDocument();
        return services;
    }

    /// <summary>The request headers that operations declare, for browsers to ask about.</summary>
    public static IReadOnlyCollection<string> RequestHeaders { get; } = [UpdatesEndpoint.LastEventId, UserEndpoints.WebhookEnabled];

    /// <summary>Maps its operations.</summary>
    public static void MapRest(this WebApplication app)
    {
        app.UseWhen(RestMiddleware.Serves, rest => rest.UseMiddleware<RestMiddleware>());
        var routes = new RestRoutes(
            app,
            app.Services.GetRequiredService<LocalMethods>(),
            app.Services.GetRequiredService<Authenticator>(),
            app.Services.GetRequiredService<OpenCalls>(),
            app.Services.GetRequiredService<ServerSettings>(),
            app.Services.GetRequiredService<TimeProvider>());
        ServiceEndpoints.Map(routes);
        ConfigurationEndpoints.Map(routes);
        NotificationEndpoints.Map(routes);
        WebhookEndpoints.Map(routes);
        UserEndpoints.Map(routes);
        UpdatesEndpoint.Map(routes, app.Services.GetRequiredService<RestErrors>(), app.Services.GetRequiredService<TimeProvider>());
        BindingEndpoints.Map(routes);
        routes.RejectOtherMethods();
        app.MapRestDocument();
    }
}
