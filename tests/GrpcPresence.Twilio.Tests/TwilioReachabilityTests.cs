using GrpcPresence.Twilio.Tests.Fixture;
using GrpcPresence.V1;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

/// <summary>Whether a user is online and notifiable is true, false or null.</summary>
public sealed class TwilioReachabilityTests(OpenServer server)
{
    private readonly UserService.UserServiceClient _clients = new(server.Grpc);

    [Fact]
    public async Task Reachability_arrives_as_null_true_and_false()
    {
        var service = (await ServiceResource.CreateAsync("Reachability", server.Client)).Sid;
        await UserResource.CreateAsync(service, "ada", client: server.Client);
        Assert.Equal((null, null), await FetchAsync(service));
        await ConfigurationResource.UpdateAsync(service, reachabilityEnabled: true, client: server.Client);
        Assert.Equal((null, null), await FetchAsync(service));

        var token = TestContext.Current.CancellationToken;
        await _clients.HeartbeatAsync(new() { ServiceSid = service, UserKey = "ada", SessionId = "s1" }, cancellationToken: token);
        Assert.Equal((true, null), await FetchAsync(service));
        await _clients.SetPushBindingAsync(
            new() { ServiceSid = service, UserKey = "ada", BindingType = BindingType.Fcm, Endpoint = "device" }, cancellationToken: token);
        Assert.Equal((true, true), await FetchAsync(service));
        await _clients.EndSessionAsync(new() { ServiceSid = service, UserKey = "ada", SessionId = "s1" }, cancellationToken: token);
        Assert.Equal((false, true), await FetchAsync(service));
        var binding = Assert.Single(await BindingResource.ReadAsync(service, client: server.Client));
        Assert.True(await BindingResource.DeleteAsync(service, binding.Sid, server.Client));
        Assert.Equal((false, false), await FetchAsync(service));

        var listed = Assert.Single(await UserResource.ReadAsync(service, client: server.Client));
        Assert.Equal((null, null), (listed.IsOnline, listed.IsNotifiable));
    }

    private async Task<(bool? IsOnline, bool? IsNotifiable)> FetchAsync(string service)
    {
        var user = await UserResource.FetchAsync(service, "ada", server.Client);
        return (user.IsOnline, user.IsNotifiable);
    }
}
