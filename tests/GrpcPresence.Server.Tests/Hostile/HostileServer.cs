using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Runs the server with SQLite, and measures its memory under hostile requests.</summary>
internal sealed class HostileServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private SqlitePresenceStore _store = null!;

    public TestServer Server { get; private set; } = null!;

    public static async Task<HostileServer> StartAsync()
    {
        var hostile = new HostileServer();
        hostile._store = new SqlitePresenceStore(new SqliteStoreOptions { Path = hostile._directory.File("presence.db") });
        hostile.Server = await TestServer.StartAsync(store: hostile._store, services: KeepToThisMachine);
        return hostile;
    }

    /// <summary>Random settings contain URLs with public addresses. No test may call them.</summary>
    public static void KeepToThisMachine(IServiceCollection services) =>
        services.Replace(ServiceDescriptor.Singleton(provider => new WebhookClient(
            new Unreachable(), provider.GetRequiredService<TimeProvider>())));

    /// <summary>Replaces the known data, so that the objects that hostile requests may create do not accumulate over a long run.</summary>
    public async Task<KnownValues> BeginRoundAsync()
    {
        await ClearAsync();
        var known = new KnownValues();
        foreach (var sid in new[] { KnownValues.Service, KnownValues.ForeignService })
            await Server.Configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest { ServiceSid = sid });
        await ConfigureAsync();
        for (var i = 0; i < KnownValues.Users; i++)
            await AddUserAsync(known, KnownValues.Identity(i));
        await AddTokensAsync(known);
        return known;
    }

    /// <summary>Deletes every service instance.</summary>
    public async Task ClearAsync()
    {
        while (true)
        {
            var page = await Server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest { PageSize = 500 });
            if (page.ServiceInstances.Count == 0)
                return;
            foreach (var service in page.ServiceInstances)
                await Server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service.Sid });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _store.Dispose();
        _directory.Dispose();
    }

    // With short leases, the memory of sessions is released before the run ends.
    private async Task ConfigureAsync() => await Server.Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
    {
        Configuration = new V1.Configuration
        {
            ServiceSid = KnownValues.Service,
            ReachabilityEnabled = true,
            HeartbeatInterval = Limits.MinHeartbeatInterval.ToDuration(),
            SessionTimeout = (Limits.MinHeartbeatInterval * 2).ToDuration(),
        },
        UpdateMask = FieldMask.FromString("reachability_enabled,heartbeat_interval,session_timeout"),
    });

    private async Task AddUserAsync(KnownValues known, string identity)
    {
        var user = await Server.CreateUserAsync(KnownValues.Service, identity);
        known.UserSids.Add(user.Sid);
        known.Etags.Add(user.Etag);
        var bound = await Server.Users.SetPushBindingAsync(new SetPushBindingRequest
        {
            ServiceSid = KnownValues.Service,
            UserKey = identity,
            BindingType = BindingType.Fcm,
            Endpoint = identity,
        });
        known.BindingSids.Add(bound.PushBinding.Sid);
    }

    private async Task AddTokensAsync(KnownValues known)
    {
        var users = await Server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = KnownValues.Service, PageSize = 2 });
        var bindings = await Server.Users.ListPushBindingsAsync(
            new ListPushBindingsRequest { ServiceSid = KnownValues.Service, PageSize = 2 });
        var services = await Server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest { PageSize = 1 });
        known.PageTokens.AddRange([users.NextPageToken, bindings.NextPageToken, services.NextPageToken]);
        using var watch = Watch.Open(Server, new WatchUsersRequest { ServiceSid = KnownValues.Service });
        await watch.Sync();
        known.ResumeTokens.Add(watch.Token);
    }

    private sealed class Unreachable : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new HttpRequestException(HttpRequestError.ConnectionError);
    }
}
