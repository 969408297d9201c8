using GrpcPresence.Twilio.Tests.Fixture;
using GrpcPresence.V1;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

public sealed class BindingTests(OpenServer server)
{
    private readonly UserService.UserServiceClient _clients = new(server.Grpc);

    [Fact]
    public async Task Bindings_are_listed_by_type_and_identity_fetched_and_deleted()
    {
        var service = (await ServiceResource.CreateAsync("Bindings", server.Client)).Sid;
        await RegisterAsync(service, "ada", BindingType.Fcm);
        await RegisterAsync(service, "bob", BindingType.Apn);
        await RegisterAsync(service, "cay", BindingType.Apn);

        Assert.Equal(["ada fcm", "bob apn", "cay apn"], await FindAsync(service));
        Assert.Equal(["bob apn", "cay apn"], await FindAsync(service, type: BindingResource.BindingTypeEnum.Apn));
        Assert.Equal(["ada fcm", "cay apn"], await FindAsync(service, identities: ["ada", "cay"]));
        Assert.Empty(await FindAsync(service, BindingResource.BindingTypeEnum.Fcm, ["cay"]));
        Assert.Empty(await FindAsync(service, type: BindingResource.BindingTypeEnum.Twilsock));

        var binding = Assert.Single(await BindingResource.ReadAsync(service, identity: ["ada"], client: server.Client));
        Assert.Matches("^BS[0-9a-f]{32}$", binding.Sid);
        Assert.Equal("device of ada", (await BindingResource.FetchAsync(service, binding.Sid, server.Client)).Endpoint);
        Assert.True(await BindingResource.DeleteAsync(service, binding.Sid, server.Client));
        Assert.Equal((20404, 404), await Rejection.Of(BindingResource.FetchAsync(service, binding.Sid, server.Client)));
    }

    private async Task RegisterAsync(string service, string identity, BindingType type)
    {
        await UserResource.CreateAsync(service, identity, client: server.Client);
        await _clients.SetPushBindingAsync(
            new() { ServiceSid = service, UserKey = identity, BindingType = type, Endpoint = $"device of {identity}" },
            cancellationToken: TestContext.Current.CancellationToken);
    }

    private async Task<IEnumerable<string>> FindAsync(
        string service, BindingResource.BindingTypeEnum? type = null, List<string>? identities = null)
    {
        var found = await BindingResource.ReadAsync(service, type is null ? null : [type], identities, pageSize: 1, client: server.Client);
        return found.Select(binding => $"{binding.Identity} {binding.BindingType}").ToList();
    }
}
