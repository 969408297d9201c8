using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class UpdateReasonNamesTests
{
    [Fact]
    public void All_reasons_have_names_in_a_fixed_order() =>
        Assert.Equal(
            ["created", "deleted", "friendlyName", "attributes", "role", "reachabilityOnline", "reachabilityNotifiable"],
            UpdateReasonNames.Of(UpdateReasons.All));

    [Fact]
    public void An_empty_set_of_reasons_has_no_name() => Assert.Empty(UpdateReasonNames.Of(UpdateReasons.None));

    [Fact]
    public void Only_the_reasons_that_are_set_are_written() =>
        Assert.Equal(
            ["friendlyName", "reachabilityOnline"],
            UpdateReasonNames.Of(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName));

    [Fact]
    public void Each_name_is_parsed_as_its_reason()
    {
        var read = UpdateReasons.None;
        foreach (var word in UpdateReasonNames.Of(UpdateReasons.All))
        {
            Assert.True(UpdateReasonNames.TryParse(word, out var reason));
            Assert.Equal([word], UpdateReasonNames.Of(reason));
            read |= reason;
        }
        Assert.Equal(UpdateReasons.All, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("online")]
    [InlineData("FriendlyName")]
    public void An_unknown_name_is_not_parsed(string? word) => Assert.False(UpdateReasonNames.TryParse(word, out _));
}
