using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Tests.Domain;

/// <summary>What the URL of a webhook, the name of an event, and the settings of both must be.</summary>
public sealed class WebhookSettingsValidationTests
{
    [Theory]
    [InlineData("https://example.com")]
    [InlineData("http://example.com:8080/a/b?c=d&e=%20f@g")]
    [InlineData("HTTPS://Example.com/")]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://[::1]:5080/")]
    [InlineData("https://münchen.example/ü")]
    public void A_url_is_absolute_and_of_http(string text) => Assert.True(WebhookUrl.IsValid(text));

    [Theory]
    [InlineData("")]
    [InlineData("example.com")]
    [InlineData("/a")]
    [InlineData("//example.com/a")]
    [InlineData("ftp://example.com")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://")]
    [InlineData("https:///a")]
    [InlineData("https:example.com")]
    [InlineData("http:\\\\example.com")]
    [InlineData("https://user:secret@example.com")]
    [InlineData("https://user@example.com")]
    [InlineData("https://example.com/#a")]
    [InlineData("https://example.com/#")]
    [InlineData(" https://example.com")]
    [InlineData("https://example.com ")]
    [InlineData("https://example.com/a b")]
    [InlineData("https://example.com/a\r\nHost: b")]
    [InlineData("https://example.com/\0")]
    [InlineData("https://example.com:99999/")]
    public void Other_text_is_not_a_URL(string text) => Assert.False(WebhookUrl.IsValid(text));

    [Fact]
    public void A_url_has_a_bounded_number_of_bytes()
    {
        const string Begin = "https://example.com/";
        var longest = Begin + new string('a', Limits.WebhookUrlBytes - Begin.Length);

        Assert.True(WebhookUrl.IsValid(longest));
        Assert.False(WebhookUrl.IsValid(longest + "a"));
        Assert.False(WebhookUrl.IsValid(longest[..^1] + "ü"));
    }

    [Theory]
    [InlineData("onUserAdded", true)]
    [InlineData("onX", true)]
    [InlineData("on", false)]
    [InlineData("", false)]
    [InlineData("onuserAdded", false)]
    [InlineData("OnUserAdded", false)]
    [InlineData("userAdded", false)]
    [InlineData("onUser1", false)]
    [InlineData("onUser Added", false)]
    [InlineData("onUser,onA", false)]
    [InlineData("onÜser", false)]
    public void The_name_of_an_event_is_on_and_a_word(string text, bool isName) => Assert.Equal(isName, WebhookEvents.IsName(text));

    [Fact]
    public void The_name_of_an_event_is_short()
    {
        var longest = "onA" + new string('a', Limits.WebhookEventLength - 3);

        Assert.True(WebhookEvents.IsName(longest));
        Assert.False(WebhookEvents.IsName(longest + "a"));
    }

    [Fact]
    public void Settings_with_the_same_values_are_equal()
    {
        var settings = New("onA", "onB");

        Assert.Equal(settings, New("onA", "onB"));
        Assert.Equal(settings, New("onA", "onB", "onA"));
        Assert.Equal(settings.GetHashCode(), New("onA", "onB").GetHashCode());
        Assert.NotEqual(settings, New("onB", "onA"));
        Assert.NotEqual(settings, New("onA"));
        Assert.NotEqual(settings, settings with { PreUrl = "a" });
        Assert.NotEqual(settings, settings with { PostUrl = "a" });
        Assert.NotEqual(settings, settings with { Method = WebhookMethod.Get });
    }

    private static WebhookSettings New(params string[] filters) => new() { PreUrl = "b", PostUrl = "c", Filters = filters };
}
