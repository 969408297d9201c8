using System.Net;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Rest;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests the quotas of reads over the wire. The manual clock stands still, so no quota refills on its own.</summary>
public sealed class ReadQuotaTests
{
    private const int Rows = 20;

    [Theory]
    [InlineData("service_instance", WatchTransport.Grpc)]
    [InlineData("caller", WatchTransport.Grpc)]
    [InlineData("service_instance", WatchTransport.GrpcWeb)]
    [InlineData("caller", WatchTransport.GrpcWebText)]
    public async Task Quotas_Rows_read_over_the_quota_reject_further_reads_until_they_are_paid(string subject, WatchTransport transport)
    {
        await using var guarded = await StartAsync(subject);
        var users = guarded.UsersAs(guarded.Admin, transport);
        // Keys that match no user count too.
        await ReadKeysAsync(users, guarded.Own, 5 * Rows);

        var rejected = await CallError.Of(users.GetUserAsync(new GetUserRequest { ServiceSid = guarded.Own, UserKey = "alice" }));

        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejected.Code, rejected.Reason));
        Assert.Equal(("rows_read_per_second", subject), (rejected.Metadata["quota"], rejected.Metadata["subject"]));
        Assert.InRange(rejected.RetryInfo!.RetryDelay.ToTimeSpan().TotalSeconds, 3, 6);
        guarded.Time.Advance(rejected.RetryInfo.RetryDelay.ToTimeSpan());
        await ReadKeysAsync(users, guarded.Own, 1);
    }

    [Fact]
    public async Task Quotas_Every_method_that_reads_is_charged()
    {
        await using var guarded = await StartAsync("caller");
        var (users, configuration) = (guarded.UsersAs(guarded.Admin), guarded.ConfigurationAs(guarded.Admin));
        await ReadKeysAsync(users, guarded.Own, 5 * Rows);

        await AssertRejectedAsync(users.ListUsersAsync(new ListUsersRequest { ServiceSid = guarded.Own }));
        await AssertRejectedAsync(users.ListUsersAsync(new ListUsersRequest { ServiceSid = guarded.Own, Online = false }));
        await AssertRejectedAsync(users.ListPushBindingsAsync(new ListPushBindingsRequest { ServiceSid = guarded.Own }));
        await AssertRejectedAsync(users.GetPushBindingAsync(
            new GetPushBindingRequest { ServiceSid = guarded.Own, PushBindingSid = $"BS{1:x32}" }));
        await AssertRejectedAsync(users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = guarded.Own, UserKey = "alice" }));
        await AssertRejectedAsync(configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest()));
        await AssertRejectedAsync(configuration.GetServiceInstanceAsync(new GetServiceInstanceRequest { ServiceSid = guarded.Own }));
        await AssertRejectedAsync(guarded.KeysAs(guarded.Admin).ListApiKeysAsync(new ListApiKeysRequest()));
        // Heartbeats and writes have quotas of their own.
        await users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = guarded.Own, UserKey = "alice", SessionId = "s" });
    }

    [Fact]
    public async Task Quotas_Rows_read_over_REST_are_charged_too()
    {
        await using var guarded = await StartAsync("caller");
        await ReadKeysAsync(guarded.UsersAs(guarded.Admin), guarded.Own, 5 * Rows);
        var rest = RestServer.Of(guarded.Server);

        foreach (var path in new[] { "Users", "Users/alice", "Bindings", "Configuration", "" })
        {
            var rejected = (await rest.GetAsync($"/v1/Services/{guarded.Own}/{path}".TrimEnd('/'), guarded.Admin))
                .Fails(HttpStatusCode.TooManyRequests, 20429);
            Assert.NotNull(rejected.Headers.RetryAfter);
        }
    }

    [Fact]
    public async Task Quotas_A_watch_over_the_quota_of_rows_waits_and_then_sends_its_snapshot()
    {
        await using var guarded = await StartAsync("caller");
        var users = guarded.UsersAs(guarded.Admin);
        await users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = guarded.Own, UserKey = "alice", SessionId = "s" });
        await ReadKeysAsync(users, guarded.Own, 5 * Rows);
        var waits = guarded.Timers.WhenTimerSet(due => due > 3 * Limits.MaxReadDelay && due < 6 * Limits.MaxReadDelay);

        using var watch = new GrpcWatch(users.WatchUsers(new WatchUsersRequest { ServiceSid = guarded.Own }));
        var synced = watch.Sync();

        await waits.WaitAsync(TestRun.Token);
        Assert.False(synced.IsCompleted);
        guarded.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.Contains(await synced, message => message.EventCase == WatchUsersResponse.EventOneofCase.Synced);
    }

    private static async Task AssertRejectedAsync<T>(AsyncUnaryCall<T> call)
    {
        var rejected = await CallError.Of(call);
        Assert.Equal(("QUOTA_EXCEEDED", "rows_read_per_second"), (rejected.Reason, rejected.Metadata["quota"]));
    }

    private static async Task ReadKeysAsync(UserService.UserServiceClient users, string service, int keys) =>
        await users.BatchGetUsersAsync(new BatchGetUsersRequest
        {
            ServiceSid = service,
            UserKeys = { Enumerable.Range(0, keys).Select(i => $"absent-{i}") },
        });

    private static Task<GuardedServer> StartAsync(string subject)
    {
        var defaults = new QuotaSettings();
        return GuardedServer.StartAsync(settings => settings with
        {
            Quotas = defaults with
            {
                ServiceInstance = subject == "service_instance"
                    ? defaults.ServiceInstance with { RowsReadPerSecond = Rows } : defaults.ServiceInstance,
                ApiKey = subject == "caller" ? defaults.ApiKey with { RowsReadPerSecond = Rows } : defaults.ApiKey,
            },
        });
    }
}
