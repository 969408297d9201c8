using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using HeartbeatStream = GrpcPresence.Server.Tests.Fixture.HeartbeatStream;

namespace GrpcPresence.Server.Tests.Services;

/// <summary>Tests heartbeats of many sessions over one stream.</summary>
public sealed class StreamHeartbeatsTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Each_message_is_answered_in_order_with_its_accepted_and_rejected_heartbeats()
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.BeatAsync(service, "ended");
        await _server.EndAsync(service, "ended");
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        Assert.Equal(0, stream.StartReply.Accepted);
        Assert.Equal(TimeSpan.FromSeconds(30), stream.StartReply.HeartbeatInterval.ToTimeSpan());

        var reply = await stream.BeatAsync(("ada", "s1"), ("", "s1"), ("bob", "no spaces"), ("ended", "s1"),
            ("US" + new string('a', 32), "s1"), ("cay", "s1"));
        Assert.Equal(2, reply.Accepted);
        Assert.Equal(
            [
                (1, ErrorReason.FieldRequired), (2, ErrorReason.FieldInvalid), (3, ErrorReason.SessionEnded), (4, ErrorReason.UserNotFound),
            ],
            reply.Rejected.Select(rejected => (rejected.Index, rejected.Reason)));
        Assert.True((await _server.GetUserAsync(service, "ada")).IsOnline);
        Assert.True((await _server.GetUserAsync(service, "cay")).IsOnline);

        Assert.Equal(1, (await stream.EndAsync(("ada", "s1"))).Accepted);
        Assert.False((await _server.GetUserAsync(service, "ada")).IsOnline);
    }

    [Fact]
    public async Task A_thousand_beats_of_users_named_by_sid_and_identity_go_in_one_message()
    {
        var service = await _server.CreateReachableServiceAsync();
        var ada = await _server.CreateUserAsync(service, "ada");
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        var beats = Enumerable.Range(0, Limits.BeatsPerMessage).Select(i => (i == 500 ? ada.Sid : $"user-{i}", "s1")).ToArray();
        Assert.Equal(Limits.BeatsPerMessage, (await stream.BeatAsync(beats)).Accepted);
        Assert.True((await _server.GetUserAsync(service, "ada")).IsOnline);
        await stream.SendBeats([.. beats, ("one", "more")]);
        Assert.Equal("FIELD_TOO_LONG", (await stream.Ended()).Reason);
    }

    [Fact]
    public async Task A_stream_that_does_not_follow_the_protocol_is_rejected()
    {
        var service = await _server.CreateServiceAsync();
        using (var noStart = new HeartbeatStream(_server.Users.StreamHeartbeats()))
        {
            await noStart.SendBeats(("ada", "s1"));
            Assert.Equal("STREAM_PROTOCOL_VIOLATED", (await noStart.Ended()).Reason);
        }
        using (var twice = await HeartbeatStream.OpenAsync(_server, service))
        {
            await twice.SendStart(service, endSessionsOnClose: false);
            Assert.Equal("STREAM_PROTOCOL_VIOLATED", (await twice.Ended()).Reason);
        }
        using (var nothing = await HeartbeatStream.OpenAsync(_server, service))
        {
            await nothing.Send(new StreamHeartbeatsRequest());
            Assert.Equal("STREAM_PROTOCOL_VIOLATED", (await nothing.Ended()).Reason);
        }
        using var unknown = new HeartbeatStream(_server.Users.StreamHeartbeats());
        await unknown.SendStart("IS" + new string('f', 32), endSessionsOnClose: false);
        Assert.Equal("SERVICE_INSTANCE_NOT_FOUND", (await unknown.Ended()).Reason);
    }

    [Fact]
    public async Task A_storage_fault_is_a_rejected_entry_and_the_stream_stays_open()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        await stream.BeatAsync(("ada", "s1"));
        _server.Store.Faults.FailAllOperations(fail: true);
        var reply = await stream.BeatAsync(("ada", "s1"), ("bob", "s1"));
        Assert.Equal(1, reply.Accepted);
        Assert.Equal(ErrorReason.StorageUnavailable, Assert.Single(reply.Rejected).Reason);

        _server.Store.Faults.FailAllOperations(fail: false);
        Assert.Equal(2, (await stream.BeatAsync(("ada", "s1"), ("bob", "s1"))).Accepted);
        Assert.True((await _server.GetUserAsync(service, "bob")).IsOnline);
    }

    [Fact]
    public async Task A_sid_that_could_not_be_read_is_a_storage_fault_and_not_an_unknown_user()
    {
        var service = await _server.CreateReachableServiceAsync();
        var created = await _server.Users.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = "bob" });
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        await stream.BeatAsync(("ada", "s1"));
        _server.Store.Faults.FailReads(fail: true);
        var reply = await stream.BeatAsync(("ada", "s1"), (created.User.Sid, "s1"));
        Assert.Equal(1, reply.Accepted);
        Assert.Equal(ErrorReason.StorageUnavailable, Assert.Single(reply.Rejected).Reason);
    }

    [Fact]
    public async Task Leases_are_renewed_while_the_store_does_not_answer()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        _server.Store.Faults.HoldOperations(hold: true);
        const int count = 3 * Limits.OutstandingHeartbeatReplies;
        for (var i = 0; i < count; i++)
            await stream.SendBeats(($"user-{i}", "s1"));
        // The server renews the last leases before any commit, because the first replies do not wait for the store.
        for (var i = 0; i < count - Limits.OutstandingHeartbeatReplies; i++)
            Assert.Equal(ErrorReason.StorageUnavailable, Assert.Single((await stream.Reply()).Rejected).Reason);
        _server.Store.Faults.HoldOperations(hold: false);
        for (var i = 0; i < Limits.OutstandingHeartbeatReplies; i++)
            Assert.Equal(1, (await stream.Reply()).Accepted);
        Assert.Equal(1, (await stream.BeatAsync(($"user-{count - 1}", "s1"))).Accepted);
        Assert.True((await _server.GetUserAsync(service, $"user-{count - 1}")).IsOnline);
    }

    [Fact]
    public async Task A_burst_that_the_store_can_take_is_accepted_whole()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        const int count = 3 * Limits.OutstandingHeartbeatReplies;
        for (var i = 0; i < count; i++)
            await stream.SendBeats([.. Enumerable.Range(0, 100).Select(j => ($"user-{i}-{j}", "s1"))]);
        for (var i = 0; i < count; i++)
            Assert.Equal(100, (await stream.Reply()).Accepted);
    }

    [Fact]
    public async Task A_stream_that_the_client_closes_shortens_its_leases_and_one_that_it_did_not_ask_for_does_not()
    {
        var service = await _server.CreateReachableServiceAsync();
        using (var kept = await HeartbeatStream.OpenAsync(_server, service))
        {
            await kept.BeatAsync(("kept", "s1"));
            await kept.Close();
        }
        using (var ended = await HeartbeatStream.OpenAsync(_server, service, endSessionsOnClose: true))
        {
            await ended.BeatAsync(("ended", "s1"));
            await ended.Close();
        }
        Assert.InRange(await LeaseOf(service, "kept"), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(75));
        Assert.InRange(await LeaseOf(service, "ended"), TimeSpan.Zero, TimeSpan.FromSeconds(6));
    }

    [Fact]
    public async Task A_stream_that_the_server_ends_has_a_reason()
    {
        var service = await _server.CreateServiceAsync();
        using var deleted = await HeartbeatStream.OpenAsync(_server, service);
        await _server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service });
        Assert.Equal("SERVICE_INSTANCE_NOT_FOUND", (await deleted.Ended()).Reason);

        using var drained = await HeartbeatStream.OpenAsync(_server, await _server.CreateServiceAsync());
        var ended = drained.Ended();
        var stopped = _server.StopAsync();
        Assert.Equal((StatusCode.Unavailable, "SERVER_STOPPING"), ((await ended).Code, (await ended).Reason));
        await Barrier.Within(stopped, "the server stopped");
    }

    [Fact]
    public async Task A_stream_that_the_server_ends_ends_no_session()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(_server, service, endSessionsOnClose: true);
        await stream.BeatAsync(("ada", "s1"));
        var ended = stream.Ended();
        await Barrier.Within(_server.StopAsync(), "the server stopped");
        Assert.Equal("SERVER_STOPPING", (await ended).Reason);

        Assert.True(ServiceSid.TryParse(service, out var sid));
        var live = await _server.Get<ServiceCache>().GetAsync(sid, TestRun.Token);
        var ada = new UserRef(Identity.FromTrusted("ada"), Sid: null, MayCreate: false);
        var session = Assert.Single(_server.Get<PresenceTracker>().ListSessions(live, ada).Sessions);
        Assert.Equal(live.Configuration.SessionTimeout, session.LeaseExpireTime - session.LastHeartbeatTime);
    }

    /// <summary>Returns the time from the last heartbeat of the user's only session to the end of its lease.</summary>
    private async Task<TimeSpan> LeaseOf(string service, string user)
    {
        var list = await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = service, UserKey = user });
        var session = Assert.Single(list.Sessions);
        return (session.LeaseExpireTime - session.LastHeartbeatTime).ToTimeSpan();
    }
}
