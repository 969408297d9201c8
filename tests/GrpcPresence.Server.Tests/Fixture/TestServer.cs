using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Server.Hosting;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>The real server on Kestrel at a port of its own, over a store in memory, and a channel to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TimeProvider _time;
    private Task? _stopped;

    private TestServer(Action<WebApplication>? map, TimeProvider? time)
    {
        _time = time ?? TimeProvider.System;
        _app = ServerHost.Build(new ServerSettings { Port = 0 }, new ConfigurationBuilder().Build(), AddDomain);
        map?.Invoke(_app);
    }

    public InMemoryPresenceStore Store { get; } = new();

    public LogRecorder Log { get; } = new();

    public Uri Address => new(_app.Urls.Single());

    public GrpcChannel Channel { get; private set; } = null!;

    public CallInvoker Invoker => Channel.Intercept(new RunTokenInterceptor());

    public ConfigurationService.ConfigurationServiceClient Configuration => new(Invoker);

    public UserService.UserServiceClient Users => new(Invoker);

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public static async Task<TestServer> StartAsync(Action<WebApplication>? map = null, TimeProvider? time = null)
    {
        var server = new TestServer(map, time);
        await server._app.StartAsync(TestRun.Token);
        server.Channel = GrpcChannel.ForAddress(server.Address);
        return server;
    }

    /// <summary>Creates a service instance and returns its SID.</summary>
    public async Task<string> CreateServiceAsync()
    {
        var created = await Configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest());
        return created.ServiceInstance.Sid;
    }

    /// <summary>Creates a user.</summary>
    public async Task<User> CreateUserAsync(string serviceSid, string identity)
    {
        var request = new CreateUserRequest { ServiceSid = serviceSid, Identity = identity };
        return (await Users.CreateUserAsync(request)).User;
    }

    /// <summary>Begins to stop, and returns the task that is done when it has stopped.</summary>
    public Task StopAsync() => _stopped ??= _app.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>Adds the domain over the store.</summary>
    public static void AddDomain(IServiceCollection services, InMemoryPresenceStore store, TimeProvider time)
    {
        services.AddPresenceCore();
        services.AddSingleton(time);
        services.AddSingleton<IPresenceStore>(store);
    }

    private void AddDomain(IServiceCollection services)
    {
        AddDomain(services, Store, _time);
        services.RemoveAll<ILoggerProvider>();
        services.AddSingleton<ILoggerProvider>(Log);
    }
}
