using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Grpc.Net.Client.Web;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Runs the real server on Kestrel at its own port, by default over an in-memory store, with a channel to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TimeProvider _time;
    private readonly IPresenceStore _store;
    private readonly Action<IServiceCollection>? _services;
    private Dictionary<GrpcWebMode, GrpcChannel> _web = [];
    private HttpClient? _rest;
    private Task? _stopped;

    private TestServer(
        Action<WebApplication>? map,
        TimeProvider? time,
        IPresenceStore? store,
        ServerSettings? settings,
        Action<IServiceCollection>? services,
        Dictionary<string, string?>? variables)
    {
        _time = time ?? TimeProvider.System;
        _store = store ?? Store;
        _services = services;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(variables ?? []).Build();
        _app = ServerHost.Build((settings ?? new ServerSettings()) with { Port = 0, RestPort = 0 }, configuration, AddDomain);
        map?.Invoke(_app);
    }

    public InMemoryPresenceStore Store { get; } = new();

    public LogRecorder Log { get; } = new();

    /// <summary>Whether several tests use the server. Then disposing it does nothing, and <see cref="EndAsync"/> stops it.</summary>
    public bool IsShared { get; set; }

    public BodyReads Reads { get; } = new();

    public Uri Address => new(_app.Urls.First());

    /// <summary>The address of REST; a separate port unless TLS is on.</summary>
    public Uri RestAddress => new(_app.Urls.Last(url => !url.Contains("//unix:", StringComparison.Ordinal)));

    /// <summary>
    /// Calls REST of a server without TLS and without credentials. It has no timeout, because streams stay open as long as their test
    /// needs.
    /// </summary>
    public HttpClient Rest => _rest ??= new HttpClient(NewHttp1Handler()) { BaseAddress = RestAddress, Timeout = Timeout.InfiniteTimeSpan };

    public GrpcChannel Channel { get; private set; } = null!;

    public CallInvoker Invoker => Channel.Intercept(new RunTokenInterceptor());

    /// <summary>Opens a channel with its own connection, to a server without TLS. The caller disposes it.</summary>
    public GrpcChannel OpenChannel() => GrpcChannel.ForAddress(Address);

    /// <summary>Calls a server without TLS over gRPC-Web and HTTP/1.1.</summary>
    public CallInvoker WebInvoker(GrpcWebMode mode = GrpcWebMode.GrpcWeb) => _web[mode].Intercept(new RunTokenInterceptor());

    /// <summary>Calls over the transport of a watch.</summary>
    public CallInvoker InvokerOver(WatchTransport transport) => transport switch
    {
        WatchTransport.Grpc => Invoker,
        WatchTransport.GrpcWeb => WebInvoker(),
        WatchTransport.GrpcWebText => WebInvoker(GrpcWebMode.GrpcWebText),
        _ => throw new ArgumentOutOfRangeException(nameof(transport), transport, "Server-sent events carry no calls."),
    };

    public ConfigurationService.ConfigurationServiceClient Configuration => new(Invoker);

    public UserService.UserServiceClient Users => new(Invoker);

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public T? Find<T>()
        where T : class => _app.Services.GetService<T>();

    /// <summary>
    /// Starts a server. The channel connects with the handler; a server with TLS needs a handler that trusts it. <paramref
    /// name="services"/> replaces existing registrations; <paramref name="variables"/> replace environment variables.
    /// </summary>
    public static async Task<TestServer> StartAsync(
        Action<WebApplication>? map = null,
        TimeProvider? time = null,
        IPresenceStore? store = null,
        ServerSettings? settings = null,
        HttpMessageHandler? handler = null,
        Action<IServiceCollection>? services = null,
        Dictionary<string, string?>? variables = null)
    {
        var server = new TestServer(map, time, store, settings, services, variables);
        try
        {
            await server._app.StartAsync(TestRun.Token);
            var options = new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true };
            server.Channel = GrpcChannel.ForAddress(server.Address, options);
            server._web = System.Enum.GetValues<GrpcWebMode>().ToDictionary(mode => mode, server.NewWebChannel);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a service instance and returns its SID.</summary>
    public async Task<string> CreateServiceAsync()
    {
        var created = await Configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest());
        return created.ServiceInstance.Sid;
    }

    /// <summary>Creates a service instance with reachability on and returns its SID.</summary>
    public async Task<string> CreateReachableServiceAsync()
    {
        var sid = await CreateServiceAsync();
        await SwitchAsync(sid, on: true);
        return sid;
    }

    /// <summary>Switches reachability on or off.</summary>
    public async Task SwitchAsync(string serviceSid, bool on) =>
        await Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = serviceSid, ReachabilityEnabled = on },
            UpdateMask = FieldMask.FromString("reachability_enabled"),
        });

    /// <summary>Sends a heartbeat.</summary>
    public AsyncUnaryCall<HeartbeatResponse> BeatAsync(string serviceSid, string user, string session = "s1") =>
        Users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = serviceSid, UserKey = user, SessionId = session });

    /// <summary>Ends a session.</summary>
    public AsyncUnaryCall<EndSessionResponse> EndAsync(string serviceSid, string user, string session = "s1") =>
        Users.EndSessionAsync(new EndSessionRequest { ServiceSid = serviceSid, UserKey = user, SessionId = session });

    /// <summary>Reads a user.</summary>
    public async Task<User> GetUserAsync(string serviceSid, string user) =>
        (await Users.GetUserAsync(new GetUserRequest { ServiceSid = serviceSid, UserKey = user })).User;

    /// <summary>Creates a user.</summary>
    public async Task<User> CreateUserAsync(string serviceSid, string identity)
    {
        var request = new CreateUserRequest { ServiceSid = serviceSid, Identity = identity };
        return (await Users.CreateUserAsync(request)).User;
    }

    /// <summary>Starts the stop, and returns a task that completes when the server has stopped.</summary>
    public Task StopAsync() => _stopped ??= _app.StopAsync(CancellationToken.None);

    public ValueTask DisposeAsync() => IsShared ? default : EndAsync();

    /// <summary>Stops the server.</summary>
    public async ValueTask EndAsync()
    {
        Store.Faults.Clear();
        Channel?.Dispose(); // null if the server failed to start
        foreach (var channel in _web.Values)
            channel.Dispose();
        _rest?.Dispose();
        var problems = Log.Problems.Count;
        try
        {
            await StopAsync();
        }
        finally
        {
            await _app.DisposeAsync();
        }
        // A stop must not log anything above Information. A request that waited when the test ended may still fail to authenticate.
        Assert.All(
            Log.Problems.Skip(problems),
            entry => Assert.EndsWith(nameof(FailedAuthentications), entry.Category, StringComparison.Ordinal));
    }

    /// <summary>Adds the domain over the store.</summary>
    public static void AddDomain(IServiceCollection services, IPresenceStore store, TimeProvider time)
    {
        services.AddPresenceCore();
        services.AddSingleton(time);
        services.AddSingleton(store);
    }

    private GrpcChannel NewWebChannel(GrpcWebMode mode) => GrpcChannel.ForAddress(RestAddress, new GrpcChannelOptions
    {
        HttpHandler = new GrpcWebHandler(mode, NewHttp1Handler()),
        HttpVersion = HttpVersion.Version11,
        HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        DisposeHttpClient = true,
    });

    // Over HTTP/1.1, a client that leaves a stream closes its connection. By default it would first wait for the rest of the stream.
    private static SocketsHttpHandler NewHttp1Handler() => new() { ResponseDrainTimeout = TimeSpan.Zero };

    private void AddDomain(IServiceCollection services)
    {
        AddDomain(services, _store, _time);
        services.RemoveAll<ILoggerProvider>();
        services.AddSingleton<ILoggerProvider>(Log);
        services.AddSingleton<IStartupFilter>(Reads);
        _services?.Invoke(services);
    }
}
