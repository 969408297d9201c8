using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Exceptions;
using Twilio.Rest.Conversations.V1.Service;
using ServiceResource = Twilio.Rest.Conversations.V1.ServiceResource;

namespace GrpcPresence.Twilio.Tests;

/// <summary>Errors arrive as the library's exception, with the code of Twilio Conversations and the HTTP status.</summary>
public sealed class ErrorTests(OpenServer server) : IAsyncLifetime
{
    private string _service = "";

    public async ValueTask InitializeAsync()
    {
        _service = (await ServiceResource.CreateAsync("Errors", server.Client)).Sid;
        await UserResource.CreateAsync(_service, "ada", client: server.Client);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task What_does_not_exist_is_20404()
    {
        Assert.Equal((20404, 404), await Rejection.Of(UserResource.FetchAsync(_service, "nobody", server.Client)));
        Assert.Equal((20404, 404), await Rejection.Of(UserResource.UpdateAsync(_service, "nobody", "Name", client: server.Client)));
        Assert.Equal((20404, 404), await Rejection.Of(ServiceResource.FetchAsync("IS" + new string('0', 32), server.Client)));
    }

    [Fact]
    public async Task A_user_that_exists_is_50201() =>
        Assert.Equal((50201, 409), await Rejection.Of(UserResource.CreateAsync(_service, "ada", client: server.Client)));

    [Theory]
    [InlineData("[1]", null)]
    [InlineData("{", null)]
    [InlineData(null, "no role")]
    public async Task A_wrong_parameter_is_20001(string? attributes, string? role)
    {
        var created = UserResource.CreateAsync(_service, "bob", attributes: attributes, roleSid: role, client: server.Client);
        Assert.Equal((20001, 400), await Rejection.Of(created));
        var updated = UserResource.UpdateAsync(_service, "ada", attributes: attributes, roleSid: role, client: server.Client);
        Assert.Equal((20001, 400), await Rejection.Of(updated));
    }

    [Fact]
    public async Task Names_that_are_too_long_have_their_own_codes()
    {
        var name = new string('x', 257);

        Assert.Equal((50207, 400), await Rejection.Of(UserResource.CreateAsync(_service, name, client: server.Client)));
        Assert.Equal((50003, 400), await Rejection.Of(UserResource.UpdateAsync(_service, "ada", name, client: server.Client)));
    }

    [Fact]
    public async Task A_user_named_Updates_is_read_like_any_other()
    {
        await UserResource.CreateAsync(_service, "Updates", client: server.Client);

        Assert.Equal("Updates", (await UserResource.FetchAsync(_service, "Updates", server.Client)).Identity);
    }

    [Fact]
    public async Task An_identity_with_the_form_of_a_SID_is_50206() => Assert.Equal(
        (50206, 400), await Rejection.Of(UserResource.CreateAsync(_service, "US" + new string('0', 32), client: server.Client)));

    [Fact]
    public async Task An_error_has_a_message_a_page_and_the_reason_in_its_details()
    {
        var error = await Assert.ThrowsAsync<ApiException>(() => UserResource.CreateAsync(_service, "ada", client: server.Client));

        Assert.NotEmpty(error.Message);
        Assert.EndsWith("/50201", error.MoreInfo, StringComparison.Ordinal);
        Assert.Equal("USER_ALREADY_EXISTS", error.Details["reason"]);
    }
}
