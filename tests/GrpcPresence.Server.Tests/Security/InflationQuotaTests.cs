using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests that compressed messages cost their caller what they inflate to, whatever they contain.</summary>
public sealed class InflationQuotaTests : IAsyncLifetime
{
    private const int InflatedBytes = 480 * 1024;
    private const int RandomBytes = 6 * 1024; // below the maximum ratio
    private const int Fits = (Limits.InflatedKibPerSecondOfEndUser * 1024 / InflatedBytes) + 1; // the last one makes a debt

    private static Metadata Gzip => new() { { "grpc-internal-encoding-request", "gzip" } }; // each call adds its credentials

    private GuardedServer _guarded = null!;
    private string _token = "";

    public async ValueTask InitializeAsync()
    {
        _guarded = await GuardedServer.StartAsync(settings => settings with { RestPort = 0 });
        _token = _guarded.Bearer(await _guarded.NewKeyAsync(ApiKeyRole.Service), "ada");
    }

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Quotas_a_call_is_charged_what_its_message_inflates_to(WatchTransport transport)
    {
        var users = _guarded.UsersAs(_token, transport);
        var request = Padded(BatchGetUsersRequest.Parser);
        request.ServiceSid = _guarded.Own;
        request.UserKeys.Add("ada");
        for (var i = 0; i < Fits; i++)
            await users.BatchGetUsersAsync(request, Gzip);

        var rejected = await CallError.Of(users.BatchGetUsersAsync(request, Gzip));

        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (rejected.Code, rejected.Reason));
        Assert.Equal(("inflated_kib_per_second", "caller"), (rejected.Metadata["quota"], rejected.Metadata["subject"]));
        Assert.NotNull(rejected.RetryInfo);
        var plain = await CallError.Of(users.GetUserAsync(new GetUserRequest { ServiceSid = _guarded.Own, UserKey = "ada" }));
        Assert.Equal(StatusCode.NotFound, plain.Code);
        _guarded.Time.Advance(TimeSpan.FromSeconds(2));
        await users.BatchGetUsersAsync(request, Gzip);
    }

    [Fact]
    public async Task Quotas_a_message_that_is_rejected_on_the_way_is_charged_too()
    {
        var users = _guarded.UsersAs(_token);
        var request = new BatchGetUsersRequest { ServiceSid = _guarded.Own, UserKeys = { new string('x', InflatedBytes) } };
        var reasons = new List<string>();

        while (!reasons.Contains("QUOTA_EXCEEDED") && reasons.Count < 1000)
            reasons.Add((await CallError.Of(users.BatchGetUsersAsync(request, Gzip))).Reason);

        Assert.InRange(reasons.Count, 2, 200);
    }

    [Fact]
    public async Task Quotas_a_stream_whose_messages_inflate_to_more_ends()
    {
        using var call = _guarded.UsersAs(_token).StreamHeartbeats(Gzip, cancellationToken: TestRun.Token);
        await call.RequestStream.WriteAsync(new() { Start = new() { ServiceSid = _guarded.Own } }, TestRun.Token);
        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));
        var request = Padded(StreamHeartbeatsRequest.Parser);
        request.Beats = new HeartbeatStreamBeats();

        for (var i = 0; i <= Fits; i++)
            await call.RequestStream.WriteAsync(request, TestRun.Token);
        var ended = await CallError.Of(async () =>
        {
            while (await call.ResponseStream.MoveNext(TestRun.Token))
            {
                // Replies to the messages before.
            }
        });

        Assert.Equal(("QUOTA_EXCEEDED", "inflated_kib_per_second"), (ended.Reason, ended.Metadata["quota"]));
    }

    /// <summary>Returns a message with a large field that the server does not know.</summary>
    private static T Padded<T>(MessageParser<T> parser)
        where T : IMessage<T>
    {
        const int UnknownField = 99;
        var padding = new byte[InflatedBytes];
        new Random(1).NextBytes(padding.AsSpan(0, RandomBytes));
        using var bytes = new MemoryStream();
        using (var message = new CodedOutputStream(bytes, leaveOpen: true))
        {
            message.WriteTag(UnknownField, WireFormat.WireType.LengthDelimited);
            message.WriteBytes(ByteString.CopyFrom(padding));
        }
        return parser.ParseFrom(bytes.ToArray());
    }
}
