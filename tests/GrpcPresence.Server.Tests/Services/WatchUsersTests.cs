using System.Globalization;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Services;

/// <summary>Tests the watch over the wire: the behavior that all transports share.</summary>
public sealed class WatchUsersTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Registered_headers_come_before_any_message_and_then_the_configuration(WatchTransport transport)
    {
        var service = await _server.CreateReachableServiceAsync();
        // The server attaches the watch after its first read. The messages need a second read, which stalls here.
        _server.Store.Faults.StallAllReads(after: 1);
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service, Start = WatchStart.Now }, transport);
        await Barrier.Within(watch.Headers, "the client received the headers");
        _server.Store.Faults.Clear();
        // The server acknowledges this heartbeat after the headers, so the watch must deliver the change.
        await _server.BeatAsync(service, "ada");

        Assert.True((await watch.Next()).Configuration.ReachabilityEnabled);
        Assert.NotNull((await watch.Next()).Synced);
        Assert.Equal([UpdateReason.Created, UpdateReason.ReachabilityOnline], (await watch.NextUpdate()).UpdateReasons);
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_watch_delivers_each_change_of_a_user_with_reasons(WatchTransport transport)
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.CreateUserAsync(service, "ada");
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
        var messages = await watch.Sync();
        Assert.Equal(ResetReason.Initial, messages[1].Reset.Reason);
        var ada = Assert.Single(messages[2].Updates.Updates);
        Assert.Empty(ada.UpdateReasons);
        Assert.False(ada.User.HasIsOnline);

        await _server.BeatAsync(service, "ada");
        var online = await watch.NextUpdate();
        Assert.Equal([UpdateReason.ReachabilityOnline], online.UpdateReasons);
        Assert.True(online.User.IsOnline);
        await _server.Users.SetPushBindingAsync(
            new SetPushBindingRequest { ServiceSid = service, UserKey = "ada", BindingType = BindingType.Fcm, Endpoint = "token" });
        var notifiable = await watch.NextUpdate();
        Assert.Equal([UpdateReason.ReachabilityNotifiable], notifiable.UpdateReasons);
        Assert.True(notifiable.User.IsNotifiable);
        await _server.EndAsync(service, "ada");
        var offline = await watch.NextUpdate();
        Assert.Equal([UpdateReason.ReachabilityOnline], offline.UpdateReasons);
        Assert.False(offline.User.IsOnline);
        // The REST resource does not have this property.
        Assert.Equal(transport != WatchTransport.Events, offline.User.LastOnlineTime is not null);
    }

    [Theory]
    [InlineData(UserView.Full)]
    [InlineData(UserView.Basic)]
    [InlineData(UserView.Reachability)]
    public async Task A_watch_sends_a_user_as_a_read_returns_it(UserView view)
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.Users.CreateUserAsync(new CreateUserRequest
        {
            ServiceSid = service,
            Identity = "ada",
            FriendlyName = "Ada Lovelace",
            Attributes = $$"""{"about":"{{new string('é', 1000)}}"}""",
            RoleSid = "RL0123456789abcdef0123456789abcdef",
        });
        await _server.BeatAsync(service, "ada");
        await _server.EndAsync(service, "ada");
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service, View = view });
        var messages = await watch.Sync();

        var read = await _server.Users.BatchGetUsersAsync(
            new BatchGetUsersRequest { ServiceSid = service, UserKeys = { "ada" }, View = view });
        Assert.Equal(read.Users[0], messages[2].Updates.Updates[0].User);
    }

    [Fact]
    public async Task A_large_message_is_split_at_its_size_limit_and_loses_no_user()
    {
        var service = await _server.CreateServiceAsync();
        var attributes = $$"""{"a":"{{new string('x', 4000)}}"}""";
        const int count = 600;
        await Task.WhenAll(Enumerable.Range(0, count).Select(async i => await _server.Users.CreateUserAsync(
            new CreateUserRequest { ServiceSid = service, Identity = $"user-{i}", Attributes = attributes })));
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service });
        var updates = (await watch.Sync()).Select(message => message.Updates).OfType<WatchUpdates>().ToList();
        Assert.Equal(count, updates.Sum(message => message.Updates.Count));
        Assert.All(updates, message =>
            Assert.InRange(message.CalculateSize(), 1, Limits.WatchMessageBytes + (32 * Limits.WatchUpdatesPerMessage)));
        Assert.All(updates, message => Assert.InRange(message.Updates.Count, 1, Limits.WatchUpdatesPerMessage));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Resumable_a_token_brings_only_the_missed_changes(WatchTransport transport)
    {
        var service = await _server.CreateReachableServiceAsync();
        await _server.CreateUserAsync(service, "ada");
        await _server.CreateUserAsync(service, "bob");
        string token;
        using (var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport))
        {
            await watch.Sync();
            token = watch.Token;
        }
        await _server.BeatAsync(service, "bob");
        await _server.Users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = service, UserKey = "ada" });

        using var resumed = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service, ResumeToken = token }, transport);
        var messages = await resumed.Sync();
        Assert.DoesNotContain(messages, message => message.Reset is not null);
        var updates = messages.Where(message => message.Updates is not null).SelectMany(message => message.Updates.Updates).ToList();
        Assert.Equal(["bob", "ada"], updates.Select(update => update.User.Identity));
        Assert.Equal([UpdateReason.Deleted], updates[1].UpdateReasons);
        Assert.Equal("", updates[1].User.Attributes);
        Assert.NotEqual(0, updates[1].User.Revision);
    }

    [Fact]
    public async Task Bad_requests_are_rejected_with_every_violation()
    {
        var service = await _server.CreateServiceAsync();
        var request = new WatchUsersRequest
        {
            ServiceSid = service,
            UserKeys = { "ada", "", new string('x', 257) },
            Reasons = { UpdateReason.Created, (UpdateReason)99, UpdateReason.Unspecified },
            View = (UserView)99,
            Start = WatchStart.Now,
            ResumeToken = "garbage",
        };
        using var watch = Watch.Open(_server, request);
        var error = await watch.Ended();
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.Equal(["user_keys[1]", "user_keys[2]", "reasons[1]", "reasons[2]", "view", "start", "resume_token"], error.Fields);
        Assert.Equal("RESUME_TOKEN_INVALID", error.Metadata["resume_token"]);
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_watch_of_too_many_users_or_of_an_unknown_service_instance_is_rejected(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        var request = new WatchUsersRequest { ServiceSid = service };
        request.UserKeys.AddRange(Enumerable.Range(0, Limits.WatchedKeys + 1).Select(i => i.ToString(CultureInfo.InvariantCulture)));
        using var tooMany = Watch.Open(_server, request, transport);
        Assert.Equal("FIELD_TOO_LONG", (await tooMany.Ended()).Reason);
        using var unknown = Watch.Open(_server, new WatchUsersRequest { ServiceSid = "IS" + new string('f', 32) }, transport);
        var error = await unknown.Ended();
        Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_token_of_another_service_instance_is_rejected(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        var other = await _server.CreateServiceAsync();
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
        await watch.Sync();
        using var foreign = Watch.Open(_server, new WatchUsersRequest { ServiceSid = other, ResumeToken = watch.Token }, transport);
        var error = await foreign.Ended();
        Assert.Equal((StatusCode.InvalidArgument, "RESUME_TOKEN_INVALID"), (error.Code, error.Reason));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Drained_a_stopping_server_ends_the_watch_with_reason_delay_and_token(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
        await watch.Sync();
        var ended = watch.Ended();
        var stopped = _server.StopAsync();
        var error = await ended;
        Assert.Equal((StatusCode.Unavailable, "SERVER_STOPPING"), (error.Code, error.Reason));
        Assert.Equal(watch.Token, error.Metadata["resume_token"]);
        Assert.NotNull(error.RetryInfo);
        await Barrier.Within(stopped, "the server stopped");
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Drained_a_client_that_does_not_read_does_not_delay_the_stop(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        var attributes = $$"""{"a":"{{new string('x', 4000)}}"}""";
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(async i => await _server.Users.CreateUserAsync(
            new CreateUserRequest { ServiceSid = service, Identity = $"user-{i}", Attributes = attributes })));
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
        // The server sends four megabytes, but the client reads only the first message.
        await watch.Next();
        await Barrier.Within(_server.StopAsync(), "the server stopped");
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_deleted_service_instance_ends_its_watches(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
        await watch.Sync();
        await _server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service });
        var error = await watch.Ended();
        Assert.Equal((StatusCode.NotFound, "SERVICE_INSTANCE_NOT_FOUND"), (error.Code, error.Reason));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_watch_that_its_client_cancels_is_detached(WatchTransport transport)
    {
        var service = await _server.CreateServiceAsync();
        for (var i = 0; i < 20; i++)
        {
            using var watch = Watch.Open(_server, new WatchUsersRequest { ServiceSid = service }, transport);
            await watch.Sync();
        }
        // If the watches were still attached, the drain would wait for them to receive the change.
        await _server.CreateUserAsync(service, "ada");
        await Barrier.Within(_server.StopAsync(), "the server stopped");
        Assert.Empty(_server.Log.Problems);
    }
}
