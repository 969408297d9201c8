using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class WebhookFormTests
{
    private const string Account = "AC00000000000000000000000000000009";

    [Fact]
    public void An_event_has_the_names_and_forms_that_the_product_documents()
    {
        Assert.True(RoleSid.TryParse("RL00000000000000000000000000000007", out var role));
        var record = SampleUsers.Record() with { RoleSid = role, HadBinding = true };

        var form = WebhookForm.Of(
            Account,
            WebhookEvents.UserUpdated,
            SampleUsers.State(record),
            UpdateReasons.ReachabilityNotifiable | UpdateReasons.FriendlyName,
            epoch: 17);

        Assert.Equal(
            new Dictionary<string, string>
            {
                ["EventType"] = "onUserUpdated",
                ["AccountSid"] = Account,
                ["ChatServiceSid"] = "IS00000000000000000000000000000001",
                ["UserSid"] = "US00000000000000000000000000000002",
                ["Identity"] = "ada@example.com",
                ["FriendlyName"] = "Ada & Bob",
                ["Attributes"] = "{\"a\":1}",
                ["RoleSid"] = "RL00000000000000000000000000000007",
                ["DateCreated"] = "2019-12-16T22:18:37Z",
                ["DateUpdated"] = "2019-12-16T22:18:38Z",
                ["IsOnline"] = "true",
                ["IsNotifiable"] = "false",
                ["UpdateReasons"] = "friendlyName,reachabilityNotifiable",
                ["Revision"] = "3",
                ["Epoch"] = "17",
            },
            form.ToDictionary());
    }

    [Fact]
    public void A_URL_cannot_have_any_parameter_that_the_server_sends()
    {
        Assert.True(RoleSid.TryParse("RL00000000000000000000000000000007", out var role));
        var user = SampleUsers.State(SampleUsers.Record() with { RoleSid = role, HadBinding = true });
        var edit = new UserEdit("Countess", Attributes: null, RoleSid: null);

        var sent = WebhookForm.Of(Account, WebhookEvents.UserUpdated, user, UpdateReasons.All, epoch: 0)
            .Concat(WebhookForm.OfEdit(Account, user, edit));

        Assert.All(sent, parameter => Assert.Equal(parameter.Key, WebhookParameters.FindReserved($"a=b&{parameter.Key}=c")));
    }

    [Theory]
    [InlineData("chatservicesid=IS1", true)]
    [InlineData("%43hatServiceSid=IS1", true)]
    [InlineData("a=b;ChatServiceSid=IS1", true)]
    [InlineData("ChatServiceSid", true)]
    [InlineData("ChatServiceSid[]=IS1", true)]
    [InlineData("+ChatServiceSid+=IS1", true)]
    [InlineData("ChatServiceSid%00x=IS1", true)]
    [InlineData("ChatServiceSid%3Dx=IS1", true)]
    [InlineData("name=ChatServiceSid", false)]
    [InlineData("name=a%26ChatServiceSid%3DIS1", false)]
    [InlineData("%2543hatServiceSid=IS1", false)]
    [InlineData("ChatServiceSid2=IS1", false)]
    public void A_reserved_parameter_is_found_in_every_spelling(string query, bool isReserved) =>
        Assert.Equal(isReserved, WebhookParameters.FindReserved(query) is not null);

    [Fact]
    public void Unknown_values_are_left_out()
    {
        var record = SampleUsers.Record() with { KnownRevision = 0 };

        var form = WebhookForm.Of(Account, WebhookEvents.UserAdded, SampleUsers.State(record), UpdateReasons.Created, epoch: 0);
        var names = form.Select(parameter => parameter.Key);

        Assert.DoesNotContain(names, name => name is "RoleSid" or "IsOnline" or "IsNotifiable");
    }

    [Fact]
    public void The_form_of_a_pre_hook_shows_the_user_after_the_edit()
    {
        var edit = new UserEdit("Countess", Attributes: null, RoleSid: null);
        var form = WebhookForm.OfEdit(Account, SampleUsers.State(), edit).ToDictionary();

        Assert.Equal("onUserUpdate", form["EventType"]);
        Assert.Equal("Countess", form["FriendlyName"]);
        Assert.Equal("{\"a\":1}", form["Attributes"]);
        Assert.Equal("2019-12-16T22:18:38Z", form["DateUpdated"]);
        Assert.Equal("API", form["Source"]);
        Assert.DoesNotContain("IsOnline", form);
    }
}
