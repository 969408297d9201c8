using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

/// <summary>Tests users through the Twilio SDK.</summary>
public sealed class TwilioUserTests(OpenServer server) : IAsyncLifetime
{
    private const string Role = "RL11111111111111111111111111111111";

    private string _service = "";

    public async ValueTask InitializeAsync() => _service = (await ServiceResource.CreateAsync("Users", server.Client)).Sid;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("ada")]
    [InlineData("Ada Lovelace")]
    [InlineData("ada+1@example.com")]
    [InlineData("Jürgen Größe")]
    [InlineData("🦊")]
    [InlineData("of/two parts")]
    [InlineData("why? #1")]
    [InlineData("100%2F")]
    public async Task A_user_is_created_and_fetched_by_SID_and_by_identity(string identity)
    {
        var created = await UserResource.CreateAsync(_service, identity, client: server.Client);
        Assert.Matches("^US[0-9a-f]{32}$", created.Sid);
        Assert.Equal((identity, _service, "{}"), (created.Identity, created.ChatServiceSid, created.Attributes));
        Assert.Null(created.FriendlyName);

        // The library puts the identity into the path without encoding it.
        foreach (var name in new[] { created.Sid, Uri.EscapeDataString(identity) })
        {
            var fetched = await UserResource.FetchAsync(_service, name, server.Client);
            Assert.Equal((created.Sid, identity, created.DateCreated), (fetched.Sid, fetched.Identity, fetched.DateCreated));
        }
    }

    [Fact]
    public async Task An_update_changes_what_it_names_and_nothing_else()
    {
        await UserResource.CreateAsync(_service, "ada", roleSid: Role, client: server.Client);
        const string Attributes = """{"team":"ü+ &=","🦊":1}""";

        var updated = await UserResource.UpdateAsync(
            _service, "ada", friendlyName: "Größe & Söhne + 1", attributes: Attributes, client: server.Client);
        Assert.Equal(("Größe & Söhne + 1", Attributes, Role), (updated.FriendlyName, updated.Attributes, updated.RoleSid));
        await UserResource.UpdateAsync(_service, "ada", friendlyName: "", client: server.Client);

        var fetched = await UserResource.FetchAsync(_service, "ada", server.Client);
        Assert.Null(fetched.FriendlyName);
        Assert.Equal((Attributes, Role), (fetched.Attributes, fetched.RoleSid));
    }

    [Fact]
    public async Task A_deleted_user_is_gone()
    {
        var sid = (await UserResource.CreateAsync(_service, "ada", client: server.Client)).Sid;

        Assert.True(await UserResource.DeleteAsync(_service, "ada", client: server.Client));

        Assert.Equal((20404, 404), await Rejection.Of(UserResource.FetchAsync(_service, sid, server.Client)));
        Assert.Equal((20404, 404), await Rejection.Of(UserResource.DeleteAsync(_service, "ada", client: server.Client)));
    }
}
