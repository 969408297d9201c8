using System.Text;
using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A server that requires credentials, with API keys of every kind, two service instances, and a manual clock.</summary>
internal sealed class GuardedServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private GuardedServer() => Timers = new ObservedClock(Time);

    public FakeTimeProvider Time { get; } = new();

    /// <summary>Reports when the server sets a timer on <see cref="Time"/>.</summary>
    public ObservedClock Timers { get; }

    public TestServer Server { get; private set; } = null!;

    /// <summary>Calls of the operator through the admin socket.</summary>
    public ApiKeyService.ApiKeyServiceClient Keys { get; private set; } = null!;

    /// <summary>The service instance of the scoped keys and of the tokens.</summary>
    public string Own { get; private set; } = "";

    /// <summary>Another service instance.</summary>
    public string Foreign { get; private set; } = "";

    /// <summary>The credentials of an administrator of the whole deployment.</summary>
    public string Admin { get; private set; } = "";

    public string SecretPath => _directory.File("presence.secret");

    public static async Task<GuardedServer> StartAsync(
        Func<ServerSettings, ServerSettings>? settings = null, HttpMessageHandler? handler = null)
    {
        var guarded = new GuardedServer();
        var given = new ServerSettings
        {
            Port = 0,
            SecretFile = guarded.SecretPath,
            AdminSocket = guarded._directory.File("operator.sock"),
        };
        guarded.Server = await TestServer.StartAsync(time: guarded.Timers, settings: settings?.Invoke(given) ?? given, handler: handler);
        guarded.Own = await guarded.Server.CreateReachableServiceAsync();
        guarded.Foreign = await guarded.Server.CreateReachableServiceAsync();
        guarded.Keys = new(AdminSocketChannel.Open(given.AdminSocket).Intercept(new RunTokenInterceptor()));
        guarded.Admin = Basic(await guarded.NewKeyAsync(ApiKeyRole.Admin));
        return guarded;
    }

    /// <summary>Creates an API key and returns it with its secret.</summary>
    public async Task<CreateApiKeyResponse> NewKeyAsync(ApiKeyRole role, string scope = "", string certificateName = "") =>
        await Keys.CreateApiKeyAsync(new CreateApiKeyRequest { Role = role, ServiceSid = scope, CertificateName = certificateName });

    /// <summary>Returns the header of HTTP Basic.</summary>
    public static string Basic(CreateApiKeyResponse key) => Basic(key.ApiKey.Sid, key.Secret);

    public static string Basic(string sid, string secret) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{sid}:{secret}"));

    /// <summary>Returns the header of an access token that the key issues now, by default for an hour.</summary>
    public string Bearer(CreateApiKeyResponse key, string identity, string? service = null, TimeSpan? lifetime = null) =>
        "Bearer " + AccessToken.For(key, identity, service ?? Own, Time.GetUtcNow(), lifetime ?? TimeSpan.FromHours(1)).Sign(key.Secret);

    /// <summary>Calls with the credentials; null for none.</summary>
    public CallInvoker As(string? authorization, WatchTransport transport = WatchTransport.Grpc) =>
        Server.InvokerOver(transport).Intercept(headers =>
        {
            if (authorization is not null)
                headers.Add("authorization", authorization);
            return headers;
        });

    public UserService.UserServiceClient UsersAs(string? authorization, WatchTransport transport = WatchTransport.Grpc) =>
        new(As(authorization, transport));

    public ApiKeyService.ApiKeyServiceClient KeysAs(string? authorization) => new(As(authorization));

    public ConfigurationService.ConfigurationServiceClient ConfigurationAs(string? authorization) => new(As(authorization));

    /// <summary>A read that every caller of <see cref="Own"/> may make.</summary>
    public AsyncUnaryCall<ListUsersResponse> ReadAsync(string? authorization) =>
        UsersAs(authorization).ListUsersAsync(new ListUsersRequest { ServiceSid = Own });

    /// <summary>Waits until the server has noticed that its clients ended their streams.</summary>
    public Task NoStreamsAsync() =>
        Barrier.Within(Server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the server noticed the end of the streams");

    public async ValueTask DisposeAsync()
    {
        // The stop would otherwise wait for the streams on a clock that does not advance.
        await NoStreamsAsync();
        await Server.DisposeAsync();
        _directory.Dispose();
    }
}
