using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

/// <summary>A service instance that has as many users as it may.</summary>
public sealed class UserQuotaCallTests : IAsyncLifetime
{
    private TestServer _server = null!;
    private string _service = "";

    public async ValueTask InitializeAsync()
    {
        var quotas = new QuotaSettings();
        _server = await TestServer.StartAsync(
            settings: new ServerSettings { Quotas = quotas with { ServiceInstance = quotas.ServiceInstance with { Users = 1 } } });
        _service = await _server.CreateReachableServiceAsync();
        await _server.CreateUserAsync(_service, "ada");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task It_has_no_room_for_another() =>
        AssertRefused(await CallError.Of(() => _server.CreateUserAsync(_service, "bob")));

    [Fact]
    public async Task A_heartbeat_creates_nobody_and_that_of_a_user_is_answered()
    {
        AssertRefused(await CallError.Of(_server.BeatAsync(_service, "bob")));
        await _server.BeatAsync(_service, "ada");
    }

    [Fact]
    public async Task A_heartbeat_stream_rejects_the_entry_and_lives()
    {
        using var stream = await HeartbeatStream.OpenAsync(_server, _service);

        var reply = await stream.BeatAsync(("bob", "s1"), ("ada", "s1"));
        Assert.Equal(1, reply.Accepted);
        Assert.Equal(new RejectedBeat { Index = 0, Reason = ErrorReason.QuotaExceeded }, Assert.Single(reply.Rejected));
        Assert.Equal(1, (await stream.BeatAsync(("ada", "s1"))).Accepted);
    }

    private static void AssertRefused(CallError error)
    {
        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (error.Code, error.Reason));
        Assert.Equal(
            new Dictionary<string, string> { ["quota"] = "users", ["subject"] = "service_instance", ["limit"] = "1" }, error.Metadata);
        Assert.Equal(new Duration { Seconds = 10 }, error.RetryInfo?.RetryDelay);
    }
}
