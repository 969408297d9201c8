using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

public sealed class ServiceTests(OpenServer server)
{
    [Fact]
    public async Task A_service_is_created_fetched_listed_and_deleted()
    {
        var created = await ServiceResource.CreateAsync("C#", server.Client);
        Assert.Matches("^IS[0-9a-f]{32}$", created.Sid);
        Assert.Matches("^AC[0-9a-f]{32}$", created.AccountSid);
        Assert.Equal("C#", created.FriendlyName);
        Assert.NotNull(created.DateCreated);

        var fetched = await ServiceResource.FetchAsync(created.Sid, server.Client);
        Assert.Equal((created.Sid, created.FriendlyName, created.DateCreated), (fetched.Sid, fetched.FriendlyName, fetched.DateCreated));
        Assert.Contains(await ServiceResource.ReadAsync(client: server.Client), service => service.Sid == created.Sid);

        Assert.True(await ServiceResource.DeleteAsync(created.Sid, server.Client));
        Assert.Equal((20404, 404), await Rejection.Of(ServiceResource.FetchAsync(created.Sid, server.Client)));
    }

    [Fact]
    public async Task Services_are_listed_over_several_pages()
    {
        var created = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => ServiceResource.CreateAsync("Page", server.Client)));

        var listed = (await ServiceResource.ReadAsync(pageSize: 2, client: server.Client)).Select(service => service.Sid).ToList();

        Assert.Empty(created.Select(service => service.Sid).Except(listed));
        Assert.Equal(listed.Count, listed.Distinct().Count());
    }

    [Fact]
    public async Task Reachability_is_switched_on_and_off()
    {
        var service = (await ServiceResource.CreateAsync("Switch", server.Client)).Sid;
        Assert.False((await ConfigurationResource.FetchAsync(service, server.Client)).ReachabilityEnabled);

        foreach (var isOn in new[] { true, false })
        {
            var updated = await ConfigurationResource.UpdateAsync(service, reachabilityEnabled: isOn, client: server.Client);
            Assert.Equal((service, isOn), (updated.ChatServiceSid, updated.ReachabilityEnabled));
            Assert.Equal(isOn, (await ConfigurationResource.FetchAsync(service, server.Client)).ReachabilityEnabled);
        }
    }
}
