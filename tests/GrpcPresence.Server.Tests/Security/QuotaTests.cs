using Grpc.Core;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests the quotas of a caller and of a service instance over the wire. The manual clock stands still, so no quota refills on its own.
/// </summary>
public sealed class QuotaTests
{
    private static readonly QuotaLimits Plenty = new()
    {
        OpenStreams = 1000,
        WatchedUsers = 1000,
        HeartbeatsPerSecond = 1000,
        WritesPerSecond = 1000,
        NewStreamsPerSecond = 1000,
        RowsReadPerSecond = 1000,
        ConcurrentReads = 1000,
        Users = 1000,
    };

    public static TheoryData<string> Subjects => ["service_instance", "caller"];

    [Theory]
    [InlineData("service_instance", WatchTransport.Grpc)]
    [InlineData("caller", WatchTransport.Grpc)]
    [InlineData("service_instance", WatchTransport.GrpcWeb)]
    [InlineData("caller", WatchTransport.GrpcWeb)]
    public async Task Quotas_Heartbeats_over_the_quota_are_rejected_until_it_refills(string subject, WatchTransport transport)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { HeartbeatsPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin, transport);
        for (var i = 0; i < 10; i++)
            await BeatAsync(users, guarded.Own);

        var rejected = await CallError.Of(BeatAsync(users, guarded.Own));

        AssertRejected(rejected, "heartbeats_per_second", subject, limit: 10);
        Assert.Equal(TimeSpan.FromMilliseconds(100), rejected.RetryInfo!.RetryDelay.ToTimeSpan());
        guarded.Time.Advance(TimeSpan.FromMilliseconds(100));
        await BeatAsync(users, guarded.Own);
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Heartbeats_of_a_stream_over_the_quota_are_rejected_and_the_others_renewed(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { HeartbeatsPerSecond = 10 });
        using var stream = guarded.UsersAs(guarded.Admin).StreamHeartbeats();
        await stream.RequestStream.WriteAsync(
            new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = guarded.Own } });
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));

        var beats = new HeartbeatStreamBeats
        {
            Beats =
            { Enumerable.Range(0, 12).Select(i => new SessionBeat { UserKey = $"user-{i}", SessionId = "s" }) }
        };
        await stream.RequestStream.WriteAsync(new StreamHeartbeatsRequest { Beats = beats });
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));

        var reply = stream.ResponseStream.Current;
        Assert.Equal(10, reply.Accepted);
        Assert.Equal([(10, ErrorReason.QuotaExceeded), (11, ErrorReason.QuotaExceeded)],
            reply.Rejected.Select(beat => (beat.Index, beat.Reason)));
        guarded.Time.Advance(TimeSpan.FromSeconds(1));
        await stream.RequestStream.WriteAsync(
            new StreamHeartbeatsRequest { Beats = new HeartbeatStreamBeats { Beats = { beats.Beats[10] } } });
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal(1, stream.ResponseStream.Current.Accepted);
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Ends_of_sessions_over_the_quota_are_rejected(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { HeartbeatsPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin);
        await users.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "alice" });
        for (var i = 0; i < 10; i++)
            await EndAsync();

        AssertRejected(await CallError.Of(EndAsync()), "heartbeats_per_second", subject, limit: 10);

        AsyncUnaryCall<EndSessionResponse> EndAsync() =>
            users.EndSessionAsync(new EndSessionRequest { ServiceSid = guarded.Own, UserKey = "alice", SessionId = "s" });
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Ends_of_a_stream_over_the_quota_are_rejected(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { HeartbeatsPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin);
        await users.CreateUserAsync(new CreateUserRequest { ServiceSid = guarded.Own, Identity = "alice" });
        using var stream = new HeartbeatStream(users.StreamHeartbeats());
        await stream.SendStart(guarded.Own, endSessionsOnClose: false);
        await stream.Reply();

        var reply = await stream.EndAsync([.. Enumerable.Range(0, 12).Select(i => ("alice", $"s{i}"))]);

        Assert.Equal(10, reply.Accepted);
        Assert.Equal(
            [(10, ErrorReason.QuotaExceeded), (11, ErrorReason.QuotaExceeded)],
            reply.Rejected.Select(end => (end.Index, end.Reason)));
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Writes_over_the_quota_are_rejected_and_reads_are_not(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { WritesPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin);
        await BeatAsync(users, guarded.Own);
        CallError? rejected = null;
        var done = 0;
        for (; rejected is null && done < 20; done++)
        {
            rejected = await TryAsync(users.SetPushBindingAsync(
                new SetPushBindingRequest
                {
                    ServiceSid = guarded.Own,
                    UserKey = "alice",
                    BindingType = BindingType.Fcm,
                    Endpoint = $"{done}"
                }));
        }

        AssertRejected(rejected!, "writes_per_second", subject, limit: 10);
        await users.ListUsersAsync(new ListUsersRequest { ServiceSid = guarded.Own });
        await BeatAsync(users, guarded.Own);
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Streams_opened_over_the_quota_are_rejected(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { NewStreamsPerSecond = 10 });
        for (var i = 0; i < 10; i++)
        {
            using var watch = OpenWatch(guarded, guarded.Own);
            await watch.Next();
        }

        using var rejected = OpenWatch(guarded, guarded.Own);
        using var heartbeats = guarded.UsersAs(guarded.Admin).StreamHeartbeats();
        await heartbeats.RequestStream.TryWriteAsync(
            new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = guarded.Own } });

        AssertRejected(await rejected.Ended(), "new_streams_per_second", subject, limit: 10);
        AssertRejected(await CallError.Of(() => heartbeats.ResponseStream.MoveNext(TestRun.Token)), "new_streams_per_second", subject,
            limit: 10);
    }

    [Theory]
    [InlineData("service_instance", WatchTransport.Grpc)]
    [InlineData("caller", WatchTransport.Grpc)]
    [InlineData("service_instance", WatchTransport.GrpcWeb)]
    [InlineData("caller", WatchTransport.GrpcWeb)]
    public async Task Quotas_A_watch_over_the_quota_is_rejected_until_another_ends(string subject, WatchTransport transport)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { OpenStreams = 1 });
        var first = OpenWatch(guarded, guarded.Own, transport);
        await first.Sync();

        using var rejected = OpenWatch(guarded, guarded.Own, transport);

        AssertRejected(await rejected.Ended(), "open_streams", subject, limit: 1);
        first.Dispose();
        await guarded.NoStreamsAsync();
        using var again = OpenWatch(guarded, guarded.Own, transport);
        await again.Sync();
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_A_watch_over_server_sent_events_counts_as_an_open_stream(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { OpenStreams = 1 });
        var request = new WatchUsersRequest { ServiceSid = guarded.Own };
        using (var first = EventWatch.Open(guarded.Server, request, guarded.Admin))
        {
            await first.Sync();
            using var rejected = EventWatch.Open(guarded.Server, request, guarded.Admin);
            var rejection = await rejected.Ended();
            Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejection.Code, rejection.Reason));
            Assert.NotNull(rejection.RetryInfo);
        }
        await guarded.NoStreamsAsync();
        using var again = EventWatch.Open(guarded.Server, request, guarded.Admin);
        await again.Sync();
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_Watched_users_over_the_quota_are_rejected_and_a_watch_of_all_users_counts_none(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { WatchedUsers = 2 });
        using var two = OpenWatch(guarded, guarded.Own, "alice", "bob", "alice");
        await two.Sync();
        using var everybody = OpenWatch(guarded, guarded.Own);
        await everybody.Sync();

        using var rejected = OpenWatch(guarded, guarded.Own, "carol");

        AssertRejected(await rejected.Ended(), "watched_users", subject, limit: 2);
    }

    [Theory]
    [MemberData(nameof(Subjects))]
    public async Task Quotas_A_heartbeat_stream_counts_as_an_open_stream(string subject)
    {
        await using var guarded = await StartAsync(subject, limits => limits with { OpenStreams = 1 });
        using var heartbeats = guarded.UsersAs(guarded.Admin).StreamHeartbeats();
        await heartbeats.RequestStream.WriteAsync(
            new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = guarded.Own } });
        Assert.True(await heartbeats.ResponseStream.MoveNext(TestRun.Token));

        using var rejected = OpenWatch(guarded, guarded.Own);

        AssertRejected(await rejected.Ended(), "open_streams", subject, limit: 1);
    }

    [Fact]
    public async Task Quotas_A_heartbeat_stream_without_a_start_message_ends()
    {
        var clock = new HeldClock(Core.Domain.Limits.HeartbeatStreamStart);
        await using var server = await TestServer.StartAsync(time: clock);
        using var silent = server.Users.StreamHeartbeats();
        var ended = CallError.Of(() => silent.ResponseStream.MoveNext(TestRun.Token));

        clock.Release();

        await Fixture.Barrier.Within(ended, "the server ended the stream");
        Assert.Equal("STREAM_PROTOCOL_VIOLATED", (await ended).Reason);
    }

    [Fact]
    public async Task Quotas_A_service_instance_uses_up_only_its_own_quota()
    {
        await using var guarded = await StartAsync("service_instance", limits => limits with { HeartbeatsPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin);
        for (var i = 0; i < 10; i++)
            await BeatAsync(users, guarded.Own);
        Assert.Equal("QUOTA_EXCEEDED", (await CallError.Of(BeatAsync(users, guarded.Own))).Reason);

        await BeatAsync(users, guarded.Foreign);
    }

    [Fact]
    public async Task Quotas_An_end_user_has_one_quota_for_all_tokens_and_uses_up_only_that()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with
        {
            Quotas = new QuotaSettings
            {
                ServiceInstance = Plenty,
                ApiKey = Plenty,
                AccessToken = Plenty with { HeartbeatsPerSecond = 10 }
            },
        });
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        for (var i = 0; i < 10; i++)
            await BeatAsync(guarded.UsersAs(guarded.Bearer(key, "alice", lifetime: TimeSpan.FromMinutes(i + 1))), guarded.Own);

        var rejected = await CallError.Of(BeatAsync(guarded.UsersAs(guarded.Bearer(key, "alice")), guarded.Own));

        AssertRejected(rejected, "heartbeats_per_second", "caller", limit: 10);
        await BeatAsync(guarded.UsersAs(guarded.Bearer(key, "bob")), guarded.Own, "bob");
        await BeatAsync(guarded.UsersAs(GuardedServer.Basic(key)), guarded.Own);
    }

    [Fact]
    public async Task Quotas_A_caller_that_ignores_rejections_is_answered_late()
    {
        await using var guarded = await StartAsync("caller", limits => limits with { HeartbeatsPerSecond = 10 });
        var users = guarded.UsersAs(guarded.Admin);
        for (var i = 0; i < 10; i++)
            await BeatAsync(users, guarded.Own);
        for (var i = 0; i < Core.Domain.Limits.PromptRejectionsPerSecond; i++)
            Assert.Equal("QUOTA_EXCEEDED", (await CallError.Of(BeatAsync(users, guarded.Own))).Reason);

        var hold = guarded.Timers.WhenTimerSet(due => due >= Core.Domain.Limits.RejectionDelay
            && due <= Core.Domain.Limits.MaxRejectionDelay);
        var held = BeatAsync(users, guarded.Own).ResponseAsync;
        await Fixture.Barrier.Within(hold, "the server delayed the rejection");
        await BeatAsync(guarded.UsersAs(GuardedServer.Basic(await guarded.NewKeyAsync(ApiKeyRole.Service))), guarded.Own);
        Assert.False(held.IsCompleted, "The server did not delay the rejection.");

        guarded.Time.Advance(Core.Domain.Limits.MaxRejectionDelay);
        var rejected = CallError.Of(() => held);
        await Fixture.Barrier.Within(rejected, "the server sent the rejection");
        Assert.Equal("QUOTA_EXCEEDED", (await rejected).Reason);
    }

    private static Task<GuardedServer> StartAsync(string subject, Func<QuotaLimits, QuotaLimits> limit) =>
        GuardedServer.StartAsync(settings => settings with
        {
            Quotas = new QuotaSettings
            {
                ServiceInstance = subject == "service_instance" ? limit(Plenty) : Plenty,
                ApiKey = subject == "caller" ? limit(Plenty) : Plenty,
                AccessToken = Plenty,
            },
        });

    private static AsyncUnaryCall<HeartbeatResponse> BeatAsync(UserService.UserServiceClient users, string service,
        string user = "alice") =>
        users.HeartbeatAsync(new HeartbeatRequest { ServiceSid = service, UserKey = user, SessionId = "s" });

    private static GrpcWatch OpenWatch(GuardedServer guarded, string service, params string[] users) =>
        OpenWatch(guarded, service, WatchTransport.Grpc, users);

    private static GrpcWatch OpenWatch(GuardedServer guarded, string service, WatchTransport transport, params string[] users) =>
        new(guarded.UsersAs(guarded.Admin, transport).WatchUsers(new WatchUsersRequest { ServiceSid = service, UserKeys = { users } }));

    private static async Task<CallError?> TryAsync<T>(AsyncUnaryCall<T> call)
    {
        try
        {
            await call;
            return null;
        }
        catch (RpcException rejection)
        {
            return CallError.From(rejection);
        }
    }

    private static void AssertRejected(CallError rejected, string quota, string subject, int limit)
    {
        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejected.Code, rejected.Reason));
        Assert.Equal((quota, subject, $"{limit}"), (rejected.Metadata["quota"], rejected.Metadata["subject"], rejected.Metadata["limit"]));
        Assert.NotNull(rejected.RetryInfo);
    }
}
