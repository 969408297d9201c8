using System.Net;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests the URLs in responses behind a proxy that ends TLS, and that only trusted proxies decide them.</summary>
public sealed class ForwardedHeadersTests
{
    private static readonly (string, string)[] OfProxy =
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "presence.example"), ("X-Forwarded-Prefix", "/presence")];

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("10.0.0.0/8,127.0.0.0/8", true)]
    [InlineData("10.0.0.0/8", false)]
    [InlineData("::1", false)]
    [InlineData(null, false)]
    public async Task Proxy_Only_a_trusted_proxy_decides_the_URLs_in_responses(string? trusted, bool isTrusted)
    {
        await using var rest = await StartAsync(trusted);
        var service = await rest.CreateServiceAsync();
        await rest.PostAsync($"{service}/Users", ("Identity", "ada"));
        await rest.PostAsync($"{service}/Users", ("Identity", "bob"));

        var page = await rest.SendAsync(HttpMethod.Get, $"{service}/Users?PageSize=1", content: null, headers: OfProxy);

        var expected = isTrusted ? "https://presence.example/presence" : rest.Server.RestAddress.GetLeftPart(UriPartial.Authority);
        foreach (var name in new[] { "first_page_url", "url", "next_page_url" })
            Assert.StartsWith($"{expected}{service}/Users?", page.Text("meta", name), StringComparison.Ordinal);
        Assert.StartsWith($"{expected}{service}/Users/", page.At("users")[0].GetProperty("url").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Forwarded-Proto", "http, https", "https://127.0.0.1:")]
    [InlineData("X-Forwarded-Host", "evil.example, presence.example", "http://presence.example/")]
    [InlineData("X-Forwarded-Host", "presence.example:8443", "http://presence.example:8443/")]
    [InlineData("X-Forwarded-Host", "not a host", "http://127.0.0.1:")]
    [InlineData("X-Forwarded-Proto", "java script", "http://127.0.0.1:")]
    [InlineData("X-Forwarded-Prefix", "/presence/", "http://127.0.0.1:")]
    public async Task Proxy_The_last_value_counts_and_an_invalid_one_does_not(string name, string value, string begin)
    {
        await using var rest = await StartAsync("127.0.0.1");

        var service = await rest.CreateServiceAsync();
        var reply = await rest.SendAsync(HttpMethod.Get, service, content: null, headers: (name, value));

        Assert.Equal(HttpStatusCode.OK, reply.Status);
        Assert.StartsWith(begin, reply.Text("url"), StringComparison.Ordinal);
        Assert.DoesNotContain("//v1", reply.Text("url"), StringComparison.Ordinal);
    }

    private static async Task<RestServer> StartAsync(string? trusted) => await RestServer.StartAsync(
        new ServerSettings
        {
            TrustedProxies = trusted is null ? null : TrustedNetworks.Read(trusted),
            AllowedHosts = AllowedHosts.Read("presence.example"),
        });
}
