using System.Net;
using Grpc.Core;
using Grpc.Core.Interceptors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Grpc.Forwarding;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Rest;
using GrpcPresence.Server.Tests.Webhooks;
using GrpcPresence.Testing;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests what the owner of a call knows of its caller, and what is done once although two nodes see the call.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ForwardedCallTests : IDisposable
{
    private const string Account = "AC00000000000000000000000000000001";
    private const string Token = "6b1e1c2c0a5a4f0f9d0b8f6a7c3d2e1f";

    private static readonly HashSet<string> AtTheIngress =
        ["Heartbeat", "EndSession", "StreamHeartbeats", "CreateApiKey", "RotateApiKey", "RevokeApiKey", "GetWebhookSigningSecrets"];

    private readonly TemporaryDirectory _directory = new();

    private ServerSettings Guarded => new() { AccountSid = Account, AuthToken = Token, SecretFile = _directory.File("presence.secret") };

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_method_that_writes_has_an_owner_or_runs_at_the_ingress_on_purpose()
    {
        foreach (var rule in AuthorizationTable.All.Where(rule => !rule.IsPublic))
        {
            var request = rule.GetType().GetGenericArguments()[0];
            var method = rule.Method[(rule.Method.LastIndexOf('/') + 1)..];
            var isRead = rule.Cost == CallCost.Read || method == "WatchUsers";
            Assert.True(
                method == "ListSessions" || OwnerTable.Contains(request) != (isRead || AtTheIngress.Contains(method)),
                $"Decide where {method} runs in a cluster.");
        }
    }

    [Fact]
    public async Task The_owner_logs_an_act_once_with_the_name_of_the_caller()
    {
        await using var cluster = await TestCluster.StartAsync(settings: Guarded);
        var ingress = cluster.Nodes[0];
        var (service, key) = await CreateAsync(ingress, ApiKeyRole.Service);
        var owner = cluster.Nodes[1];
        var user = cluster.UsersOf(owner, service).First();
        var users = new UserService.UserServiceClient(As(ingress, GuardedServer.Basic(key)));
        await users.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = user });
        await users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = service, UserKey = user });

        Assert.Equal([0, 1, 0], cluster.Nodes.Select(node => node.Log.Entries.Count(entry =>
            entry.Category == typeof(AuditLog).FullName
            && entry.Text.StartsWith($"DeleteUser by {key.ApiKey.Sid}: ", StringComparison.Ordinal)
            && entry.Text.EndsWith($"of {service}", StringComparison.Ordinal))));
        Assert.DoesNotContain(cluster.Nodes, node => node != owner && node.Log.Entries.Any(entry => entry.Text.Contains("DeleteUser by")));
    }

    [Fact]
    public async Task An_end_user_has_no_more_rights_at_the_owner_than_at_the_ingress()
    {
        await using var cluster = await TestCluster.StartAsync(settings: Guarded);
        var ingress = cluster.Nodes[0];
        var (service, key) = await CreateAsync(ingress, ApiKeyRole.Service);
        var backEnd = new UserService.UserServiceClient(As(ingress, GuardedServer.Basic(key)));
        var (ada, bob) = (cluster.UsersOf(cluster.Nodes[1], service).First(), cluster.UsersOf(cluster.Nodes[2], service).First());
        foreach (var user in new[] { ada, bob })
            await backEnd.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = user });
        var request = new SetPushBindingRequest { ServiceSid = service, BindingType = BindingType.Fcm, Endpoint = "token" };
        var ofBob = (await backEnd.SetPushBindingAsync(new(request) { UserKey = bob })).PushBinding;
        var token = AccessToken.For(key, ada, service, DateTimeOffset.UtcNow, TimeSpan.FromHours(1)).Sign(key.Secret);
        var asAda = new UserService.UserServiceClient(As(ingress, "Bearer " + token));

        var deletion = new DeletePushBindingRequest { ServiceSid = service, PushBindingSid = ofBob.Sid };
        Assert.Equal("PUSH_BINDING_NOT_FOUND", (await CallError.Of(asAda.DeletePushBindingAsync(deletion))).Reason);
        var taken = (await asAda.SetPushBindingAsync(new(request) { UserKey = ada })).PushBinding;
        Assert.NotEqual(ofBob.Sid, taken.Sid); // a back end would have moved it
        await asAda.DeletePushBindingAsync(new(deletion) { PushBindingSid = taken.Sid });
    }

    [Fact]
    public async Task A_call_is_charged_at_its_ingress_and_not_at_its_owner()
    {
        await using var cluster = await TestCluster.StartAsync(settings: Guarded);
        var (creator, ingress) = (cluster.Nodes[0], cluster.Nodes[1]);
        var (service, key) = await CreateAsync(creator, ApiKeyRole.Admin, created => cluster.HomeOf(created) == cluster.Nodes[2]);
        var calls = As(ingress, GuardedServer.Basic(key));
        var users = new UserService.UserServiceClient(calls);
        var configurations = new ConfigurationService.ConfigurationServiceClient(calls);
        await ReadyAsync(() => configurations.GetServiceInstanceAsync(new() { ServiceSid = service }));
        Assert.Equal(2, ingress.Get<QuotaLimiter>().CounterCount); // of the key and of the service instance
        var before = cluster.Nodes.Select(node => node.Get<QuotaLimiter>().CounterCount).ToList();
        foreach (var owner in cluster.Nodes)
        {
            var user = cluster.UsersOf(owner, service).First();
            await users.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = user });
            await users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = service, UserKey = user, SessionId = "s1" });
            await users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = user });
        }
        await configurations.RotateWebhookSigningSecretAsync(new() { ServiceSid = service });

        Assert.Equal(before, cluster.Nodes.Select(node => node.Get<QuotaLimiter>().CounterCount));
        Assert.Equal(0, cluster.Nodes[2].Get<QuotaLimiter>().CounterCount);
    }

    [Fact]
    public async Task Writes_over_the_quota_are_rejected_wherever_their_owner_is()
    {
        var quotas = new QuotaSettings();
        quotas = quotas with { ServiceInstance = quotas.ServiceInstance with { WritesPerSecond = 5 } };
        await using var cluster = await TestCluster.StartAsync(nodes: 2, settings: new ServerSettings { Quotas = quotas });
        var ingress = cluster.Nodes[0];
        var service = await ingress.CreateServiceAsync();
        var users = cluster.UsersOf(cluster.Nodes[1], service).Take(40).ToList();
        var rejected = new List<CallError>();
        foreach (var user in users)
        {
            try
            {
                await ingress.CreateUserAsync(service, user);
            }
            catch (RpcException error)
            {
                rejected.Add(CallError.From(error));
            }
        }
        Assert.NotEmpty(rejected);
        Assert.All(rejected, error => Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (error.Code, error.Reason)));
    }

    [Fact]
    public async Task The_webhook_before_an_edit_over_REST_is_asked_once_by_the_ingress()
    {
        await using var backEnd = await WebhookReceiver.StartAsync();
        await using var cluster = await TestCluster.StartAsync(nodes: 2, settings: new ServerSettings { AllowPrivateWebhooks = true });
        var ingress = cluster.Nodes[0];
        ingress.IsShared = true; // the REST client does not stop it
        await using var rest = RestServer.Of(ingress);
        var path = await rest.CreateServiceAsync();
        var service = path[(path.LastIndexOf('/') + 1)..];
        foreach (var owner in cluster.Nodes)
        {
            var user = cluster.UsersOf(owner, service).First();
            await ingress.CreateUserAsync(service, user);
            await rest.PostAsync(path + "/Configuration/Webhooks", ("PreWebhookUrl", backEnd.Url), ("Filters", "onUserUpdate"));
            var edited = await EditAsync("Countess");
            Assert.Equal("Countess", edited.Text("friendly_name"));
            Assert.Equal(user, (await backEnd.NextAsync()).Parameters["Identity"]);

            backEnd.Answer = _ => StatusCodes.Status403Forbidden;
            (await EditAsync("Duchess")).Fails(HttpStatusCode.Forbidden, 20403);
            await backEnd.NextAsync();
            backEnd.Answer = _ => StatusCodes.Status200OK;
            Assert.Equal(0, backEnd.Unread);
            Assert.Equal("Countess", (await ingress.GetUserAsync(service, user)).FriendlyName);

            Task<RestReply> EditAsync(string name)
            {
                var form = new FormUrlEncodedContent([KeyValuePair.Create("FriendlyName", name)]);
                return rest.SendAsync(HttpMethod.Post, $"{path}/Users/{user}", form, null, ("X-Twilio-Webhook-Enabled", "true"));
            }
        }
    }

    /// <summary>Creates a service instance that fits, and an API key for it.</summary>
    private static async Task<(string Service, CreateApiKeyResponse Key)> CreateAsync(
        TestServer node, ApiKeyRole role, Func<string, bool>? fits = null)
    {
        var account = As(node, GuardedServer.Basic(Account, Token));
        var service = "IS" + Guid.NewGuid().ToString("n");
        while (fits?.Invoke(service) == false)
            service = "IS" + Guid.NewGuid().ToString("n");
        await new ConfigurationService.ConfigurationServiceClient(account).CreateServiceInstanceAsync(new() { ServiceSid = service });
        var keys = new ApiKeyService.ApiKeyServiceClient(account);
        return (service, await keys.CreateApiKeyAsync(new CreateApiKeyRequest { ServiceSid = service, Role = role }));
    }

    /// <summary>Repeats a call until the node has read the API key that another node has created, which takes a poll.</summary>
    private static async Task ReadyAsync<T>(Func<AsyncUnaryCall<T>> call)
    {
        for (var end = DateTime.UtcNow.AddSeconds(10); ;)
        {
            try
            {
                await call();
                return;
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.Unauthenticated && DateTime.UtcNow < end)
            {
            }
        }
    }

    private static CallInvoker As(TestServer node, string authorization) => node.Invoker.Intercept(headers =>
    {
        headers.Add("authorization", authorization);
        return headers;
    });
}
