using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

/// <summary>Tests unary heartbeats and sessions.</summary>
public class HeartbeatTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts the server that the tests call. Those of a cluster call one of its nodes.</summary>
    private protected virtual Task<TestServer> StartAsync() => TestServer.StartAsync();

    [Fact]
    public async Task A_heartbeat_returns_the_interval_after_its_visible_change_is_stored()
    {
        var service = await _server.CreateReachableServiceAsync();
        var reply = await _server.BeatAsync(service, "ada");
        Assert.Equal(TimeSpan.FromSeconds(30), reply.HeartbeatInterval.ToTimeSpan());
        Assert.Equal(TimeSpan.FromSeconds(75), reply.SessionTimeout.ToTimeSpan());
        Assert.True(reply.ReachabilityEnabled);
        Assert.True((await _server.GetUserAsync(service, "ada")).IsOnline);
    }

    [Fact]
    public async Task While_reachability_is_off_heartbeats_say_so_and_reads_are_null()
    {
        var service = await _server.CreateServiceAsync();
        Assert.False((await _server.BeatAsync(service, "ada")).ReachabilityEnabled);
        var ada = await _server.GetUserAsync(service, "ada");
        Assert.False(ada.HasIsOnline);
        Assert.False(ada.HasIsNotifiable);
        Assert.Null(ada.LastOnlineTime);
    }

    [Fact]
    public async Task A_user_is_named_by_sid_as_well_and_an_unknown_sid_is_never_created()
    {
        var service = await _server.CreateReachableServiceAsync();
        var ada = await _server.CreateUserAsync(service, "ada");
        await _server.BeatAsync(service, ada.Sid);
        Assert.True((await _server.GetUserAsync(service, "ada")).IsOnline);
        var error = await CallError.Of(_server.BeatAsync(service, "US" + new string('a', 32)));
        Assert.Equal((StatusCode.NotFound, "USER_NOT_FOUND"), (error.Code, error.Reason));
    }

    [Fact]
    public async Task An_ended_session_cannot_send_heartbeats_again()
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.BeatAsync(service, "ada");
        await _server.EndAsync(service, "ada");
        var error = await CallError.Of(_server.BeatAsync(service, "ada"));
        Assert.Equal((StatusCode.FailedPrecondition, "SESSION_ENDED"), (error.Code, error.Reason));
        Assert.False((await _server.GetUserAsync(service, "ada")).IsOnline);
        await _server.EndAsync(service, "ada");
    }

    [Fact]
    public async Task Sessions_are_listed_with_their_leases()
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.BeatAsync(service, "ada", "phone");
        await _server.BeatAsync(service, "ada", "laptop");
        var list = await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = "ada" });
        Assert.Equal(["laptop", "phone"], list.Sessions.Select(session => session.SessionId));
        Assert.False(list.Recovering);
        Assert.All(list.Sessions, session => Assert.InRange(
            (session.LeaseExpireTime - session.LastHeartbeatTime).ToTimeSpan(), TimeSpan.FromSeconds(74.9), TimeSpan.FromSeconds(75.1)));

        var nobody = await CallError.Of(
            _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = "nobody" }));
        Assert.Equal("USER_NOT_FOUND", nobody.Reason);
        Assert.Equal("USER_NOT_FOUND", (await CallError.Of(_server.EndAsync(service, "nobody"))).Reason);
    }

    [Fact]
    public async Task The_error_lists_every_violation_of_a_heartbeat()
    {
        var error = await CallError.Of(_server.BeatAsync("IS1", "", "no spaces allowed"));
        Assert.Equal(["service_sid", "user_key", "session_id"], error.Fields);
        Assert.Equal("FIELD_INVALID", error.Reason);
    }

    [Fact]
    public async Task Unknown_identities_are_rejected_if_they_may_not_be_created()
    {
        var service = await _server.CreateServiceAsync();
        await _server.Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new Configuration { ServiceSid = service },
            UpdateMask = FieldMask.FromString("auto_create_users"),
        });
        Assert.Equal("USER_NOT_FOUND", (await CallError.Of(_server.BeatAsync(service, "ada"))).Reason);
    }

    [Fact]
    public async Task When_the_store_fails_transitions_are_unavailable_and_live_sessions_are_answered()
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateReachableServiceAsync();
        await server.BeatAsync(service, "ada");
        server.Store.Faults.FailAllOperations(fail: true);
        var error = await CallError.Of(server.BeatAsync(service, "bob"));
        Assert.Equal((StatusCode.Unavailable, "STORAGE_UNAVAILABLE"), (error.Code, error.Reason));
        Assert.NotNull(error.RetryInfo);
        await server.BeatAsync(service, "ada");

        server.Store.Faults.FailAllOperations(fail: false);
        await server.BeatAsync(service, "bob");
        Assert.True((await server.GetUserAsync(service, "bob")).IsOnline);
    }
}
