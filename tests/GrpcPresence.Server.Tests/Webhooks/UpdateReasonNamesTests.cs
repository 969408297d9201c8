using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class UpdateReasonNamesTests
{
    [Fact]
    public void All_reasons_have_words_in_a_fixed_order() =>
        Assert.Equal(
            ["created", "deleted", "friendlyName", "attributes", "role", "reachabilityOnline", "reachabilityNotifiable"],
            UpdateReasonNames.Of(UpdateReasons.All));

    [Fact]
    public void No_reason_has_no_word() => Assert.Empty(UpdateReasonNames.Of(UpdateReasons.None));

    [Fact]
    public void Only_the_reasons_that_are_set_are_written() =>
        Assert.Equal(
            ["friendlyName", "reachabilityOnline"],
            UpdateReasonNames.Of(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName));

    [Fact]
    public void A_word_is_read_as_the_reason_that_it_was_written_for()
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
    public void What_is_no_word_is_not_read(string? word) => Assert.False(UpdateReasonNames.TryParse(word, out _));
}
