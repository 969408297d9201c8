using GrpcPresence.Twilio.Tests.Fixture;
using Twilio.Rest.Conversations.V1;

namespace GrpcPresence.Twilio.Tests;

/// <summary>A server whose account has an auth token accepts only that token.</summary>
public sealed class CredentialTests(GuardedServer server) : IClassFixture<GuardedServer>
{
    [Fact]
    public async Task The_account_with_its_token_is_accepted() =>
        Assert.NotEmpty((await ServiceResource.CreateAsync("Guarded", server.Client)).Sid);

    [Theory]
    [InlineData(PresenceServer.AccountSid, "wrong")]
    [InlineData("AC00000000000000000000000000000002", PresenceServer.AuthToken)]
    [InlineData("SK00000000000000000000000000000002", PresenceServer.AuthToken)]
    public async Task Other_credentials_are_20003(string account, string token)
    {
        var client = server.ClientOf(account, token);

        Assert.Equal((20003, 401), await Rejection.Of(ServiceResource.CreateAsync("Guarded", client)));
        Assert.Equal((20003, 401), await Rejection.Of(ServiceResource.ReadAsync(client: client)));
    }
}
