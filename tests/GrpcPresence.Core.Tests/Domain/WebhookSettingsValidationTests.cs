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
    [InlineData("http://example.org/?name=J%C3%BCrgen%20M")]
    [InlineData("http://example.org/?q=%F0%9F%98%80")]
    [InlineData("http://example.org/a%20b/%C3%A9")]
    [InlineData("http://example.org/%FF%00?%2F%2f=%e9")]
    [InlineData("http://example.org?a")]
    [InlineData("http://example.org/a/../b;c=1/./!$&'()*+,=:@~?/?:@")]
    [InlineData("http://xn--mnchen-3ya.example/")]
    [InlineData("http://example.org:/")]
    [InlineData("http://exa%6Dple.org/")]
    [InlineData("http://a_b-.example/")]
    [InlineData("https://user:p%40ss@example.com")]
    [InlineData("https://user@example.com/#")]
    [InlineData("https://example.com/#rc=3")]
    [InlineData("https://example.com/?a=b#ct=100&rt=15000&rc=0")]
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
    [InlineData("https://user:sec/ret@example.com")]
    [InlineData("https://a@b@example.com")]
    [InlineData("https://example.com\\@localhost/")]
    [InlineData("https://[::1/")]
    [InlineData("https://localhost%2F.example.com/")]
    [InlineData("https://localhost%00.example.com/")]
    [InlineData("https://example.com/%")]
    [InlineData("https://example.com/%C")]
    [InlineData("https://example.com/?a=%GG")]
    [InlineData("https://example.com/<a>")]
    [InlineData("https://example.com/?a={b}")]
    [InlineData(" https://example.com")]
    [InlineData("https://example.com ")]
    [InlineData("https://example.com/a b")]
    [InlineData("https://example.com/a\r\nHost: b")]
    [InlineData("https://example.com/\0")]
    [InlineData("https://example.com:99999/")]
    public void Other_text_is_not_a_URL(string text) => Assert.False(WebhookUrl.IsValid(text));

    [Theory]
    [InlineData("https://example.com/#rc=6", "'rc'")]
    [InlineData("https://example.com/#rc", "'rc'")]
    [InlineData("https://example.com/#rc=-1", "'rc'")]
    [InlineData("https://example.com/#ct=99", "'ct'")]
    [InlineData("https://example.com/#rt=15001", "'rt'")]
    [InlineData("https://example.com/#rc=1&sni=y", "'sni'")]
    [InlineData("https://example.com/#section", "'section'")]
    [InlineData("https://example.com/?a=b&Identity=ada", "'Identity'")]
    [InlineData("https://example.com/?chatservicesid=IS1", "'ChatServiceSid'")]
    [InlineData("https://example.com/?%43hatServiceSid", "'ChatServiceSid'")]
    [InlineData("https://example.com/?a;UserSid=1", "'UserSid'")]
    [InlineData("https://example.com/?+EventType+=1", "'EventType'")]
    [InlineData("https://example.com/?IsOnline%5B%5D=true", "'IsOnline'")]
    [InlineData("https://example.com/?Revision%00=1", "'Revision'")]
    [InlineData("https://user:secret@example.com/?Source=x", "'Source'")]
    public void What_a_url_must_not_have_is_named(string text, string named)
    {
        Assert.False(WebhookUrl.TryParse(text, out _, out var problem));

        Assert.Contains(named, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTPS://Example.com:443", "https://example.com/")]
    [InlineData("http://example.com:8080?a#rc=1", "http://example.com:8080/?a")]
    [InlineData("http://127%2E0.0.1/", "http://127.0.0.1/")]
    [InlineData("http://a:b@[2001:db8::1]:81/x%2fy", "http://[2001:db8::1]:81/x%2fy")]
    [InlineData("https://münchen.example/ü?ä=%20", "https://xn--mnchen-3ya.example/%C3%BC?%C3%A4=%20")]
    public void The_text_of_a_url_is_what_the_endpoint_receives(string text, string received)
    {
        Assert.True(WebhookUrl.TryParse(text, out var url, out _));

        Assert.Equal(received, url.Text);
        Assert.Equal(received, WebhookUrl.ToUri(url.Text).AbsoluteUri);
    }

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
        Assert.NotEqual(settings, settings with { PreFailsClosed = true });
    }

    private static WebhookSettings New(params string[] filters) => new() { PreUrl = "b", PostUrl = "c", Filters = filters };
}
