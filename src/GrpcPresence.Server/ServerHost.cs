using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Health;
using GrpcPresence.Server.Reflection;
using GrpcPresence.Server.Rest;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.Metrics;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Connections;
using GrpcPresence.Server.Streams.Http2;
using GrpcPresence.Server.Streams.Requests;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace GrpcPresence.Server;

/// <summary>Assembles the server.</summary>
internal static class ServerHost
{
    /// <summary>The maximum duration of a stop. Ending the streams and writing the queue take much less.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Builds the server without starting it. <paramref name="addDomain"/> adds the services of the domain. Its hosted services start
    /// before the listener and stop after it.
    /// </summary>
    public static WebApplication Build(ServerSettings settings, IConfiguration configuration, Action<IServiceCollection> addDomain)
    {
        // The empty builder reads no files or environment variables of its own, so only the given settings count.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(configuration);
        // AddSystemd does nothing unless systemd is the parent process. It must run before the logging setup, which then keeps the format
        // of the settings. Programs parse the log, and the format of systemd would replace it.
        builder.Services.AddSystemd();
        builder.Logging.AddPresenceLogging(settings, configuration);
        builder.WebHost.UseKestrelCore()
            .UseSockets(sockets => sockets.CreateBoundListenSocket = AdminSocketListener.Bind)
            .ConfigureKestrel(kestrel =>
            {
                var services = kestrel.ApplicationServices;
                KestrelSetup.Configure(
                    kestrel,
                    settings,
                    services.GetRequiredService<FloodGuard>(),
                    services.GetRequiredService<ConnectionLimit>(),
                    services.GetRequiredService<AcceptGate>(),
                    services.GetService<TlsHandshakes>());
                if (settings is { ProbePort: { } probePort, HasAdminSocketOnly: false })
                    kestrel.ListenForProbes(probePort, new ConnectionLimit(Limits.ProbeConnections).Bound);
            });
        builder.Services.AddSingleton(settings);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        AddTransport(builder.Services);
        builder.Services.AddTls(settings);
        builder.Services.AddTelemetry(settings, configuration);
        addDomain(builder.Services);

        var app = builder.Build();
        try
        {
            Complete(app);
            return app;
        }
        catch
        {
            // Nothing else disposes of services that were created before the exception, such as an open store.
            ((IDisposable)app).Dispose();
            throw;
        }
    }

    private static void Complete(WebApplication app)
    {
        // Validate the TLS files before opening the store, so that a bad certificate path does not create or lock a database.
        app.Services.GetService<TlsFiles>();
        app.Services.BuildTelemetry();
        var healthStatuses = app.Services.GetRequiredService<HealthStatuses>();
        app.Lifetime.ApplicationStopping.Register(healthStatuses.Drain);
        app.Lifetime.ApplicationStopping.Register(app.Services.GetRequiredService<WatchHub>().Drain);
        var streams = app.Services.GetService<StandardStreams>(); // null where the program does not own them
        app.Services.GetRequiredService<PresenceMetrics>().ObserveDroppedLogEntries(() => streams?.Dropped ?? 0);
        Map(app);
    }

    private static void AddTransport(IServiceCollection services)
    {
        services.AddRouting();
        services.AddMetrics();
        services.AddGrpc(grpc =>
        {
            grpc.EnableDetailedErrors = false;
            grpc.MaxReceiveMessageSize = Limits.ReceivedMessageBytes;
            grpc.CompressionProviders = [new RequestGzip()];
        });
        services.AddSingleton<ErrorMapper>();
        services.AddSingleton<Account>();
        services.AddSingleton<SecretFile>();
        services.AddSingleton<AccessTokenVerifier>();
        services.AddSingleton<FailedAuthentications>();
        services.AddSingleton<Authenticator>();
        services.AddSingleton<HostFilter>();
        services.AddSingleton<Authorizer>();
        services.AddSingleton<CallQuotas>();
        services.AddSingleton<CallReads>();
        services.AddSingleton<InflationQuota>();
        services.AddSingleton<MethodPipeline>();
        services.AddSingleton<LocalMethods>();
        services.AddSingleton<AuditLog>();
        services.AddHostedService<AccessStartupCheck>();
        services.AddSingleton<FloodGuard>();
        services.AddSingleton<ConnectionLimit>();
        services.AddSingleton<SocketTransportFactory>();
        services.AddSingleton<AcceptGate>();
        services.Replace(ServiceDescriptor.Singleton<IConnectionListenerFactory>(provider => provider.GetRequiredService<AcceptGate>()));
        services.AddSingleton<ReusedStreams>();
        services.AddSingleton<OpenRequests>();
        services.AddSingleton<UnreadResponses>();
        services.AddSingleton<OpenCalls>();
        services.AddSingleton<AnonymousRequests>();
        services.AddSingleton<ActiveStreams>();
        services.AddSingleton<StreamShutdown>();
        services.AddHostedService<StreamDrain>();
        services.AddSingleton<HealthStatuses>();
        services.AddHostedService<StorageObserver>();
        services.AddSingleton<ApiKeyGrpcService>();
        services.AddSingleton<ConfigurationGrpcService>();
        services.AddSingleton<HeartbeatReplies>();
        services.AddSingleton<UserSessions>();
        services.AddSingleton<EditHook>();
        services.AddSingleton<UserGrpcService>();
        services.AddSingleton<WatchUsersHandler>();
        services.AddSingleton<HealthGrpcService>();
        services.AddSingleton(new ReflectionGrpcService(new ReflectionSymbols(GrpcEndpoints.Files), GrpcEndpoints.Names));
        services.AddSingleton<ReflectionAlphaGrpcService>();
        services.AddCrossOrigin();
        services.AddRest();
    }

    private static void Map(WebApplication app)
    {
        if (app.Services.GetRequiredService<ServerSettings>().ProbePort is not null)
            app.UseHealthProbe();
        app.UseMiddleware<RequestLimitsMiddleware>();
        app.UseMiddleware<HostMiddleware>();
        if (app.Services.GetRequiredService<ServerSettings>().TrustedProxies is { } proxies)
        {
            app.UseTrustedProxies(proxies);
            // Again, for the name in the headers of proxies. A page can send them too, because it calls its own host.
            app.UseMiddleware<HostMiddleware>();
        }
        app.UseCrossOrigin(RestMapping.RequestHeaders);
        app.UseWhen(http => GrpcWebMiddleware.Serves(http) && !RestMiddleware.Serves(http), web =>
        {
            web.UseMiddleware<GrpcWebMiddleware>();
            web.UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true });
        });
        app.MapService<ConfigurationGrpcService>(V1.ConfigurationService.BindService);
        app.MapService<ApiKeyGrpcService>(V1.ApiKeyService.BindService);
        app.MapService<UserGrpcService>(V1.UserService.BindService);
        app.MapService<HealthGrpcService>(global::Grpc.Health.V1.Health.BindService);
        app.MapService<ReflectionGrpcService>(global::Grpc.Reflection.V1.ServerReflection.BindService);
        app.MapService<ReflectionAlphaGrpcService>(global::Grpc.Reflection.V1Alpha.ServerReflection.BindService);
        app.MapRest();
        app.MapMetrics();
    }
}
