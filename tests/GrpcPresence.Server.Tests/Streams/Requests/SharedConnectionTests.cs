using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Streams.Requests;

/// <summary>Tests what a caller costs the others on a connection, as behind a proxy, and what connections one caller keeps.</summary>
public sealed class SharedConnectionTests
{
    private const string Path = "/presence.v1.UserService/GetUser";

    [Fact]
    public async Task Every_call_without_valid_credentials_is_answered_however_many_share_a_connection()
    {
        const int Calls = 2_000;
        await using var guarded = await GuardedServer.StartAsync();
        var conversation = new Conversation("many calls without credentials").Preface();
        for (var i = 0; i < Calls; i++)
            conversation.Request((uint)((2 * i) + 1), Conversation.Fields(), ends: true).Await((2 * i) + 1);

        var answers = await RawConnection.TalkAsync(guarded.Server.Address, conversation);

        Assert.Equal(Calls, answers.Count);
        Assert.All(answers.Values, answer => Assert.Equal((int)StatusCode.Unauthenticated, answer.GrpcStatus));
    }

    [Fact]
    public async Task Quotas_A_call_counts_from_its_headers_until_its_stream_ends()
    {
        var defaults = new QuotaSettings();
        await using var guarded = await GuardedServer.StartAsync(
            settings => settings with { Quotas = defaults with { ApiKey = defaults.ApiKey with { OpenRequests = 1 } } });
        var read = new GetUserRequest { ServiceSid = guarded.Own, UserKey = "ada" };
        var users = guarded.UsersAs(guarded.Admin);

        using (BeginCall(guarded))
        {
            await guarded.Server.Reads.BeginAsync(Path);
            var rejected = await CallError.Of(users.GetUserAsync(read));

            Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejected.Code, rejected.Reason));
            Assert.Equal(("open_requests", "caller"), (rejected.Metadata["quota"], rejected.Metadata["subject"]));
        }
        await Barrier.Within(UntilAsync(StatusCode.NotFound), "the ended call counted no more");

        async Task UntilAsync(StatusCode code)
        {
            while ((await CallError.Of(users.GetUserAsync(read))).Code != code)
                guarded.Time.Advance(TimeSpan.FromMilliseconds(100)); // beyond 50 a second, rejections wait
        }
    }

    [Fact]
    public async Task An_end_user_keeps_a_share_of_the_connections_and_others_are_served()
    {
        const int Connections = 8; // an end user may keep four
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { MaxConnections = Connections });
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service, guarded.Own);
        var token = guarded.Bearer(key, "alice");
        var channels = new List<GrpcChannel>();
        for (var i = 0; i < Connections; i++)
        {
            channels.Add(guarded.Server.OpenChannel());
            await CallError.Of(ReadAsync(channels[^1], token));
        }

        using var other = guarded.Server.OpenChannel();
        var answer = await CallError.Of(ReadAsync(other, guarded.Admin));

        Assert.Equal(StatusCode.NotFound, answer.Code);
        channels.ForEach(channel => channel.Dispose());

        AsyncUnaryCall<GetUserResponse> ReadAsync(GrpcChannel channel, string authorization) =>
            new UserService.UserServiceClient(channel).GetUserAsync(
                new GetUserRequest { ServiceSid = guarded.Own, UserKey = "nobody" }, new Metadata { { "authorization", authorization } });
    }

    /// <summary>
    /// Sends the headers of a call on a connection of its own. Its body never follows. The call ends when this is disposed of.
    /// </summary>
    private static HttpClient BeginCall(GuardedServer guarded)
    {
        var http = new HttpClient();
        var post = new HttpRequestMessage(HttpMethod.Post, new Uri(guarded.Server.Address, Path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new NoBody(),
        };
        post.Headers.TryAddWithoutValidation("authorization", guarded.Admin);
        post.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        _ = http.SendAsync(post, TestRun.Token);
        return http;
    }

    private sealed class NoBody : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync(TestRun.Token);
            await Task.Delay(Timeout.Infinite, TestRun.Token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
