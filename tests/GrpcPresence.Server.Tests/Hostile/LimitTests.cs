using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Tests the limits that a client can reach over the wire.</summary>
[Collection(nameof(HostileCollection))]
public sealed class LimitTests : IAsyncLifetime
{
    private const string TooLong = "FIELD_TOO_LONG";
    private TestServer _server = null!;
    private string _service = "";

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _service = await _server.CreateReachableServiceAsync();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_session_beyond_32_takes_the_place_of_the_one_that_beat_longest_ago()
    {
        for (var i = 0; i <= Limits.SessionsPerUser; i++)
            await _server.BeatAsync(_service, "ada", $"s{i}");

        var sessions = (await _server.Users.ListSessionsAsync(new ListSessionsRequest { ServiceSid = _service, UserKey = "ada" })).Sessions;

        Assert.Equal(
            Enumerable.Range(1, Limits.SessionsPerUser).Select(i => $"s{i}").Order(),
            sessions.Select(session => session.SessionId).Order());
    }

    [Fact]
    public async Task A_message_of_1001_beats_ends_the_stream_and_renews_nobody()
    {
        using var stream = await HeartbeatStream.OpenAsync(_server, _service);
        await stream.SendBeats([.. Enumerable.Range(0, Limits.BeatsPerMessage + 1).Select(i => ($"user-{i}", "s1"))]);

        var error = await stream.Ended();

        Assert.Equal((StatusCode.InvalidArgument, TooLong), (error.Code, error.Reason));
        Assert.Equal(["beats.beats"], error.Fields);
        Assert.Empty((await _server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = _service })).Users);
    }

    [Fact]
    public async Task A_message_of_1000_beats_is_read_with_identities_of_950_bytes()
    {
        var session = new string('s', Limits.SessionIdLength);
        using var stream = await HeartbeatStream.OpenAsync(_server, _service);

        var reply = await stream.BeatAsync([.. Identities(Limits.BeatsPerMessage, 950).Select(identity => (identity, session))]);

        Assert.Equal((Limits.BeatsPerMessage, 0), (reply.Accepted, reply.Rejected.Count));
    }

    [Fact]
    public async Task A_watch_of_1000_users_is_opened_with_the_longest_identities()
    {
        var request = new WatchUsersRequest { ServiceSid = _service };
        request.UserKeys.AddRange(Identities(Limits.WatchedKeys, 4 * Limits.IdentityLength));
        using var watch = _server.Users.WatchUsers(request);

        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
    }

    [Fact]
    public async Task A_batch_of_500_of_the_longest_identities_is_answered()
    {
        var request = new BatchGetUsersRequest { ServiceSid = _service };
        request.UserKeys.AddRange(Identities(Limits.BatchGetKeys, 4 * Limits.IdentityLength));

        Assert.Equal(request.UserKeys, (await _server.Users.BatchGetUsersAsync(request)).MissingUserKeys);
    }

    [Fact]
    public async Task A_batch_of_501_keys_is_rejected()
    {
        var request = new BatchGetUsersRequest { ServiceSid = _service };
        request.UserKeys.AddRange(Enumerable.Range(0, Limits.BatchGetKeys + 1).Select(KnownValues.Identity));

        var error = await CallError.Of(_server.Users.BatchGetUsersAsync(request));

        Assert.Equal((StatusCode.InvalidArgument, TooLong), (error.Code, error.Reason));
        Assert.Equal(["user_keys"], error.Fields);
    }

    /// <summary>Returns different identities of so many bytes, of which most are in characters of four bytes.</summary>
    private static IEnumerable<string> Identities(int count, int bytes) =>
        Enumerable.Range(0, count).Select(i =>
        {
            var unique = char.ConvertFromUtf32(0x10000 + i);
            return unique + string.Concat(Enumerable.Repeat("💚", (bytes / 4) - 1)) + new string('x', bytes % 4);
        });

    [Fact]
    public async Task A_page_of_501_is_rejected_by_every_list()
    {
        const int Size = Limits.MaxPageSize + 1;
        foreach (var call in new Func<Task>[]
        {
            async () => await _server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = _service, PageSize = Size }),
            async () => await _server.Users.ListPushBindingsAsync(new ListPushBindingsRequest { ServiceSid = _service, PageSize = Size }),
            async () => await _server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest { PageSize = Size }),
        })
        {
            var error = await CallError.Of(call);
            Assert.Equal((StatusCode.InvalidArgument, "FIELD_OUT_OF_RANGE"), (error.Code, error.Reason));
        }
    }

    [Fact]
    public async Task A_message_of_the_limit_of_its_method_is_read_and_one_byte_more_is_not()
    {
        foreach (var method in HostileRequest.Methods)
        {
            var max = StatusOracle.MaxBytes(method);
            var text = new byte[max - (max < 1 << 14 ? 4 : 5)]; // a tag of two bytes, and a length of two or three
            byte[] Message(int more) => new WireWriter().Field(99, [.. text, .. new byte[more]]).ToArray(); // an unknown field

            var read = await HostileCall.RunAsync(_server.Invoker, method, [Message(0)]);
            var more = await HostileCall.RunAsync(_server.Invoker, method, [Message(1)]);

            Assert.Equal(max, Message(0).Length);
            Assert.True(read.Error?.StatusCode is not StatusCode.ResourceExhausted, $"{method.FullName} rejects {max} bytes.");
            Assert.True(more.Error?.StatusCode is StatusCode.ResourceExhausted, $"{method.FullName} reads more than {max} bytes.");
        }
    }

    [Fact]
    public async Task A_message_over_the_limit_of_its_method_is_rejected_by_its_prefix()
    {
        foreach (var method in HostileRequest.Methods)
        {
            var prefix = Conversation.Message([], length: (uint)StatusOracle.MaxBytes(method) + 1);
            var path = $"/{method.Service.FullName}/{method.Name}";
            var conversation = new Conversation($"a large prefix to {path}").Preface().Request(1, Conversation.Fields(path))
                .Frame(FrameType.Data, FrameFlags.None, 1, prefix).Await(1);

            var answers = await RawConnection.TalkAsync(_server.Address, conversation);

            Assert.True(answers[1].GrpcStatus == (int)StatusCode.ResourceExhausted, $"{path}: {answers[1]}");
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public void The_largest_valid_request_of_each_method_fits()
    {
        foreach (var method in HostileRequest.Methods)
        {
            var bytes = LargestRequest.SizeOf(method.InputType);
            Assert.True(bytes <= StatusOracle.MaxBytes(method), $"{method.FullName} may have {bytes} bytes.");
        }
    }

    [Fact]
    public async Task A_message_that_inflates_beyond_1_MiB_is_rejected_before_it_is_inflated()
    {
        const long MostAllocated = 16L * Limits.ReceivedMessageBytes;
        var bomb = HostileMessages.Bomb();
        var before = GC.GetTotalAllocatedBytes();

        var answers = await RawConnection.TalkAsync(_server.Address, bomb);

        Assert.Equal((int)StatusCode.ResourceExhausted, answers[1].GrpcStatus);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, MostAllocated);
    }

    [Fact]
    public async Task Headers_over_their_limit_are_rejected()
    {
        var limits = _server.Get<IOptions<KestrelServerOptions>>().Value.Limits;
        var fields = Enumerable.Range(0, 4).Select(i => ($"x-{i}", new string('x', (limits.MaxRequestHeadersTotalSize / 4) + 1)));
        var block = Hpack.Encode([.. Conversation.Fields(), .. fields]);
        const int FirstPart = 10_000;
        var conversation = new Conversation("headers over their limit").Preface()
            .Frame(FrameType.Headers, FrameFlags.EndStream, 1, block.AsSpan(0, FirstPart))
            .Frame(FrameType.Continuation, FrameFlags.EndHeaders, 1, block.AsSpan(FirstPart)).Await(1);

        var answers = await RawConnection.TalkAsync(_server.Address, conversation);

        Assert.DoesNotContain(answers.Values, answer => answer.GrpcStatus is not null);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task A_stream_beyond_the_limit_of_its_connection_is_reset_and_the_others_are_served()
    {
        var max = _server.Get<IOptions<KestrelServerOptions>>().Value.Limits.Http2.MaxStreamsPerConnection;
        var conversation = new Conversation("streams beyond the limit").Preface();
        for (var i = 0; i < max; i++)
            conversation.Request((uint)((2 * i) + 1), Conversation.Fields());
        var beyond = (2 * max) + 1;
        conversation.Request((uint)beyond, Conversation.Fields()).Await(beyond);
        conversation.Frame(FrameType.Data, FrameFlags.EndStream, 1, Conversation.Message([])).Await(1);

        var answers = await RawConnection.TalkAsync(_server.Address, conversation);

        Assert.True(answers[beyond].IsReset);
        Assert.Equal((int)StatusCode.InvalidArgument, answers[1].GrpcStatus);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task A_stream_of_thousands_of_messages_is_answered_one_by_one_in_order()
    {
        const int Messages = 5000;
        using var stream = await HeartbeatStream.OpenAsync(_server, _service);
        var sending = SendAsync();

        for (var i = 0; i < Messages; i++)
            Assert.Equal(i % 3, (await stream.Reply()).Accepted);

        await sending;

        async Task SendAsync()
        {
            for (var i = 0; i < Messages; i++)
                await stream.SendBeats([.. Enumerable.Range(0, i % 3).Select(user => (KnownValues.Identity(user), "s1"))]);
        }
    }
}
