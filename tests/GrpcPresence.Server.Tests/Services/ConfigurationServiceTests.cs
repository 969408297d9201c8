using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Services;

public class ConfigurationServiceTests
{
    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    private static readonly string Unknown = "IS" + new string('f', 32);

    [Fact]
    public async Task A_service_instance_is_created_read_renamed_and_deleted()
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(time: time);
        var client = server.Configuration;
        var sid = "IS" + new string('A', 32);

        var created = (await client.CreateServiceInstanceAsync(new() { ServiceSid = sid, FriendlyName = "a" })).ServiceInstance;
        Assert.Equal("IS" + new string('a', 32), created.Sid);
        Assert.Equal(Timestamp.FromDateTimeOffset(time.GetUtcNow()), created.CreateTime);
        Assert.Equal(created, (await client.GetServiceInstanceAsync(new() { ServiceSid = sid })).ServiceInstance);

        var update = new UpdateServiceInstanceRequest
        {
            ServiceInstance = new ServiceInstance { Sid = sid, FriendlyName = "b" },
            UpdateMask = new FieldMask { Paths = { "friendly_name" } },
        };
        Assert.Equal("b", (await client.UpdateServiceInstanceAsync(update)).ServiceInstance.FriendlyName);

        await client.DeleteServiceInstanceAsync(new() { ServiceSid = sid });
        var error = await CallError.Of(client.GetServiceInstanceAsync(new() { ServiceSid = sid }));
        Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason));
        Assert.Equal(created.Sid, error.Metadata["service_sid"]);
    }

    [Fact]
    public async Task A_sid_that_is_taken_is_rejected()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();

        var error = await CallError.Of(server.Configuration.CreateServiceInstanceAsync(new() { ServiceSid = sid }));

        Assert.Equal((StatusCode.AlreadyExists, "SERVICE_INSTANCE_ALREADY_EXISTS"), (error.Code, error.Reason));
        Assert.Equal(sid, error.Metadata["service_sid"]);
    }

    [Fact]
    public async Task Service_instances_are_listed_page_by_page()
    {
        await using var server = await TestServer.StartAsync(); // alone, because it lists all of them
        string[] sids = [await server.CreateServiceAsync(), await server.CreateServiceAsync(), await server.CreateServiceAsync()];

        var first = await server.Configuration.ListServiceInstancesAsync(new() { PageSize = 2 });
        var second = await server.Configuration.ListServiceInstancesAsync(new() { PageSize = 1, PageToken = first.NextPageToken });

        Assert.Equal(sids, first.ServiceInstances.Concat(second.ServiceInstances).Select(service => service.Sid));
        Assert.NotEmpty(first.NextPageToken);
        Assert.Empty(second.NextPageToken);
    }

    [Fact]
    public async Task A_configuration_changes_where_the_mask_says_so()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var before = (await server.Configuration.GetConfigurationAsync(new() { ServiceSid = sid })).Configuration;

        var after = await UpdateAsync(
            server,
            new Configuration { ServiceSid = sid, ReachabilityEnabled = true, OfflineDebounce = new Duration { Seconds = 7 } },
            "reachability_enabled",
            "session_timeout");

        Assert.True(after.ReachabilityEnabled);
        Assert.Equal(before.OfflineDebounce, after.OfflineDebounce);
        Assert.Equal(new Duration { Seconds = 75 }, after.SessionTimeout);
        Assert.Equal(1, after.Revision);
        Assert.NotEqual(before.Etag, after.Etag);
        Assert.Equal(after, (await server.Configuration.GetConfigurationAsync(new() { ServiceSid = sid })).Configuration);
    }

    [Fact]
    public async Task A_duration_that_the_mask_names_and_the_message_leaves_unset_takes_its_default()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var zero = new Configuration { ServiceSid = sid, OfflineDebounce = new Duration() };

        Assert.Equal(new Duration(), (await UpdateAsync(server, zero, "offline_debounce")).OfflineDebounce);
        Assert.Equal(
            new Duration { Seconds = 5 },
            (await UpdateAsync(server, new Configuration { ServiceSid = sid }, "offline_debounce")).OfflineDebounce);
    }

    [Fact]
    public async Task Settings_that_contradict_each_other_are_rejected()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();
        var contradiction = new Configuration { ServiceSid = sid, HeartbeatInterval = new Duration { Seconds = 60 } };

        var error = await CallError.Of(() => UpdateAsync(server, contradiction, "heartbeat_interval"));

        Assert.Equal((StatusCode.InvalidArgument, "FIELD_OUT_OF_RANGE"), (error.Code, error.Reason));
        Assert.Equal(["configuration.session_timeout"], error.Fields);
    }

    [Theory]
    [InlineData(30, 0, 59, 999_999_900, false)]
    [InlineData(30, 0, 59, 999_999_999, false)]
    [InlineData(30, 0, 60, 0, true)]
    [InlineData(30, 100, 60, 0, false)]
    [InlineData(30, 1, 60, 0, false)]
    [InlineData(30, 100, 60, 200, true)]
    [InlineData(1, 100, 2, 100, false)]
    [InlineData(43_200, 0, 86_400, 0, true)]
    [InlineData(43_199, 999_999_900, 86_399, 999_999_700, false)]
    public async Task A_timeout_is_compared_exactly_with_twice_the_interval(
        long interval, int intervalNanos, long timeout, int timeoutNanos, bool accepted)
    {
        await using var server = await StartAsync();
        var settings = new Configuration
        {
            ServiceSid = await server.CreateServiceAsync(),
            HeartbeatInterval = new Duration { Seconds = interval, Nanos = intervalNanos },
            SessionTimeout = new Duration { Seconds = timeout, Nanos = timeoutNanos },
        };
        var update = () => UpdateAsync(server, settings, "heartbeat_interval", "session_timeout");

        if (accepted)
            Assert.Equal(settings.SessionTimeout, (await update()).SessionTimeout);
        else
            Assert.Equal("FIELD_OUT_OF_RANGE", (await CallError.Of(update)).Reason);
    }

    [Fact]
    public async Task A_stale_etag_is_rejected()
    {
        await using var server = await StartAsync();
        var sid = await server.CreateServiceAsync();

        var error = await CallError.Of(() =>
            UpdateAsync(server, new Configuration { ServiceSid = sid, Etag = "stale", AutoCreateUsers = false }, "auto_create_users"));

        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task An_unknown_service_instance_is_not_found()
    {
        await using var server = await StartAsync();
        CallError[] errors =
        [
            await CallError.Of(server.Configuration.GetConfigurationAsync(new() { ServiceSid = Unknown })),
            await CallError.Of(server.Configuration.DeleteServiceInstanceAsync(new() { ServiceSid = Unknown })),
            await CallError.Of(() => UpdateAsync(server, new Configuration { ServiceSid = Unknown }, "auto_create_users")),
            await CallError.Of(server.Users.ListUsersAsync(new() { ServiceSid = Unknown })),
        ];

        Assert.All(errors, error => Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason)));
        Assert.All(errors, error => Assert.Equal(Unknown, error.Metadata["service_sid"]));
    }

    private static async Task<Configuration> UpdateAsync(TestServer server, Configuration configuration, params string[] paths)
    {
        var request = new UpdateConfigurationRequest { Configuration = configuration, UpdateMask = new FieldMask { Paths = { paths } } };
        return (await server.Configuration.UpdateConfigurationAsync(request)).Configuration;
    }
}
