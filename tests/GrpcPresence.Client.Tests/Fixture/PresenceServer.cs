using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Settings;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>The real server on Kestrel over a store in memory. It can be killed, drained, and restored from a backup.</summary>
internal sealed class PresenceServer : IAsyncDisposable
{
    private readonly List<Network> _networks = [];
    private readonly TemporaryDirectory _directory = new();
    private ServerSettings _settings = new() { Port = 0, RestPort = 0 };
    private int? _streamsPerConnection;
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private StoreImage? _backup;

    public InMemoryPresenceStore Store { get; } = new();

    /// <summary>The service instance, with reachability on.</summary>
    public string ServiceSid { get; private set; } = "";

    /// <summary>Calls that a back end makes beside the client under test.</summary>
    public UserService.UserServiceClient Users => new(_channel);

    /// <summary>Calls of the operator.</summary>
    public ConfigurationService.ConfigurationServiceClient Configurations => new(_channel);

    public int Port => new Uri(_app.Urls.First()).Port;

    /// <summary>Starts a server.</summary>
    /// <param name="streamsPerConnection">How many streams a connection may have, as a proxy may limit it.</param>
    public static Task<PresenceServer> StartAsync(int? streamsPerConnection = null) =>
        StartAsync(new PresenceServer { _streamsPerConnection = streamsPerConnection });

    /// <summary>Starts a server that has an admin socket, so that it can be guarded by API keys.</summary>
    public static Task<PresenceServer> StartGuardedAsync()
    {
        var server = new PresenceServer();
        server._settings = server._settings with
        {
            SecretFile = server._directory.File("presence.secret"),
            AdminSocket = server._directory.File("admin.sock"),
        };
        return StartAsync(server);
    }

    /// <summary>Creates an API key. From the first one on, the server requires credentials.</summary>
    public async Task<CreateApiKeyResponse> CreateKeyAsync() => await new ApiKeyService.ApiKeyServiceClient(_channel)
        .CreateApiKeyAsync(new CreateApiKeyRequest { Role = ApiKeyRole.Service, ServiceSid = ServiceSid });

    /// <summary>Revokes an API key.</summary>
    public async Task RevokeKeyAsync(CreateApiKeyResponse key) => await new ApiKeyService.ApiKeyServiceClient(_channel)
        .RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });

    private static async Task<PresenceServer> StartAsync(PresenceServer server)
    {
        await server.RunAsync();
        server.ServiceSid = await server.CreateServiceAsync();
        return server;
    }

    /// <summary>Creates a service instance with reachability on.</summary>
    public async Task<string> CreateServiceAsync()
    {
        var created = await Configurations.CreateServiceInstanceAsync(new CreateServiceInstanceRequest());
        await SwitchAsync(created.ServiceInstance.Sid, on: true);
        return created.ServiceInstance.Sid;
    }

    /// <summary>Switches reachability on or off.</summary>
    public async Task SwitchAsync(string serviceSid, bool on) => await Configurations.UpdateConfigurationAsync(
        new UpdateConfigurationRequest
        {
            Configuration = new Configuration { ServiceSid = serviceSid, ReachabilityEnabled = on },
            UpdateMask = FieldMask.FromString("reachability_enabled"),
        });

    /// <summary>Returns a network that leads here, also after a restart.</summary>
    public Network NewNetwork()
    {
        var network = new Network { Port = Port };
        _networks.Add(network);
        return network;
    }

    /// <summary>Stops the server as SIGTERM does, and starts it again.</summary>
    public async Task DrainAsync()
    {
        await StopAsync();
        await RestartAsync();
    }

    /// <summary>Kills the server: connections break, and another process begins with what was committed.</summary>
    public async Task KillAsync()
    {
        Disconnect();
        await StopAsync();
        await RestartAsync();
    }

    /// <summary>Makes a backup.</summary>
    public void BackUp() => _backup = Store.Image;

    /// <summary>Kills the server, and starts one from the last backup, if there is one. Later commits are lost.</summary>
    public async Task RestoreAsync()
    {
        if (_backup is not { } backup)
            return;
        Disconnect();
        await StopAsync();
        Store.Restore(backup);
        await RunAsync();
    }

    /// <summary>Returns the users as they are stored, by identity.</summary>
    public async Task<Dictionary<string, PresenceUser>> ReadUsersAsync(string serviceSid)
    {
        var page = await Users.ListUsersAsync(new ListUsersRequest { ServiceSid = serviceSid, PageSize = 500, View = UserView.Full });
        Assert.Empty(page.NextPageToken);
        return page.Users.Select(PresenceUser.From).ToDictionary(user => user.Identity);
    }

    public async Task CreateUserAsync(string serviceSid, string identity, string name = "") => await Users.CreateUserAsync(
        new CreateUserRequest { ServiceSid = serviceSid, Identity = identity, FriendlyName = name });

    public async Task RenameAsync(string serviceSid, string identity, string name) => await Users.UpdateUserAsync(new UpdateUserRequest
    {
        User = new User { ServiceSid = serviceSid, Identity = identity, FriendlyName = name },
        UpdateMask = FieldMask.FromString("friendly_name"),
    });

    public async Task DeleteUserAsync(string serviceSid, string identity) =>
        await Users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = serviceSid, UserKey = identity });

    public async Task BeatAsync(string serviceSid, string identity, string session = "s1") =>
        await Users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = serviceSid, UserKey = identity, SessionId = session });

    public async Task EndAsync(string serviceSid, string identity, string session = "s1") =>
        await Users.EndSessionAsync(new EndSessionRequest { ServiceSid = serviceSid, UserKey = identity, SessionId = session });

    public async Task<bool?> IsOnlineAsync(string serviceSid, string identity) =>
        PresenceUser.From((await Users.GetUserAsync(new GetUserRequest { ServiceSid = serviceSid, UserKey = identity })).User).IsOnline;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Store.Dispose();
        _directory.Dispose();
    }

    private void Disconnect()
    {
        foreach (var network in _networks)
        {
            network.Port = null;
            network.Break();
        }
    }

    private async Task StopAsync()
    {
        _channel.Dispose();
        await _app.StopAsync(CancellationToken.None);
        foreach (var network in _networks)
            network.Port = null;
        await _app.DisposeAsync();
    }

    private async Task RestartAsync()
    {
        Store.Restart();
        await RunAsync();
    }

    private async Task RunAsync()
    {
        _app = ServerHost.Build(_settings, new ConfigurationBuilder().Build(), services =>
        {
            services.AddPresenceCore();
            services.AddSingleton(TimeProvider.System);
            services.AddSingleton<IPresenceStore>(Store);
            services.AddLogging(logging => logging.ClearProviders());
            if (_streamsPerConnection is { } streams)
                services.PostConfigure<KestrelServerOptions>(kestrel => kestrel.Limits.Http2.MaxStreamsPerConnection = streams);
        });
        await _app.StartAsync(TestContext.Current.CancellationToken);
        _channel = _settings.AdminSocket is { } socket
            ? AdminSocketChannel.Open(socket)
            : GrpcChannel.ForAddress(new Uri(_app.Urls.First()));
        foreach (var network in _networks)
            network.Port = Port;
    }
}
