using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Services;

/// <summary>Tests calls to a service instance that has reached its limit of users.</summary>
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
    public async Task Another_user_is_rejected() =>
        AssertRejected(await CallError.Of(() => _server.CreateUserAsync(_service, "bob")));

    [Fact]
    public async Task A_heartbeat_creates_no_user_and_a_heartbeat_of_an_existing_user_succeeds()
    {
        AssertRejected(await CallError.Of(_server.BeatAsync(_service, "bob")));
        await _server.BeatAsync(_service, "ada");
    }

    [Fact]
    public async Task A_heartbeat_stream_rejects_the_entry_and_stays_open()
    {
        using var stream = await HeartbeatStream.OpenAsync(_server, _service);

        var reply = await stream.BeatAsync(("bob", "s1"), ("ada", "s1"));
        Assert.Equal(1, reply.Accepted);
        Assert.Equal(new RejectedBeat { Index = 0, Reason = ErrorReason.QuotaExceeded }, Assert.Single(reply.Rejected));
        Assert.Equal(1, (await stream.BeatAsync(("ada", "s1"))).Accepted);
    }

    private static void AssertRejected(CallError error)
    {
        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (error.Code, error.Reason));
        Assert.Equal(
            new Dictionary<string, string> { ["quota"] = "users", ["subject"] = "service_instance", ["limit"] = "1" }, error.Metadata);
        Assert.Equal(new Duration { Seconds = 10 }, error.RetryInfo?.RetryDelay);
    }
}
