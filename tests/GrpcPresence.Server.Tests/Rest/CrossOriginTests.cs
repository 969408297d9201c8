using System.Net;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>Tests calls from pages of other origins, as browsers make them.</summary>
public sealed class CrossOriginTests
{
    private const string Page = "https://app.example";
    private const string AllowOrigin = "Access-Control-Allow-Origin";

    [Theory]
    [InlineData("https://app.example,http://localhost:8080", Page, Page)]
    [InlineData("HTTPS://APP.example", Page, Page)]
    [InlineData("https://app.example", "https://foreign.example", null)]
    [InlineData("https://app.example", "http://app.example", null)]
    [InlineData("https://app.example", null, null)]
    [InlineData("*", "https://foreign.example", "*")]
    [InlineData(null, Page, null)]
    [InlineData("https://bücher.example", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example")]
    [InlineData("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example")]
    [InlineData("https://[::1]:8080", "https://[::1]:8080", "https://[::1]:8080")]
    public async Task Only_pages_of_allowed_origins_may_read_a_response(string? allowed, string? origin, string? answered)
    {
        await using var server = await StartAsync(allowed);

        using var response = await SendAsync(server, HttpMethod.Get, "/v1/Services", origin);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(answered, AllowedIn(response));
        Assert.False(response.Headers.Contains("Access-Control-Allow-Credentials"));
    }

    [Theory]
    [InlineData("POST", "authorization, content-type, x-twilio-webhook-enabled")]
    [InlineData("DELETE", "authorization")]
    [InlineData("GET", "authorization, last-event-id")]
    [InlineData("GET", "cache-control, pragma, x-requested-with")]
    public async Task A_browser_that_asks_first_needs_no_credentials(string method, string headers)
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowedOrigins = AllowedOrigins.Read(Page) });

        using var response = await AskAsync(guarded.Server, Page, method, headers);

        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(Page, AllowedIn(response));
        Assert.Contains(method, string.Join(',', response.Headers.GetValues("Access-Control-Allow-Methods")), StringComparison.Ordinal);
        var taken = string.Join(',', response.Headers.GetValues("Access-Control-Allow-Headers"));
        Assert.All(headers.Split(", "), header => Assert.Contains(header, taken, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_foreign_page_that_asks_first_is_allowed_nothing()
    {
        await using var server = await StartAsync(Page);

        using var response = await AskAsync(server, "https://foreign.example", "GET", "authorization");

        Assert.Null(AllowedIn(response));
    }

    [Fact]
    public async Task Rejections_can_be_read_by_pages_too()
    {
        await using var guarded = await GuardedServer.StartAsync(settings => settings with { AllowedOrigins = AllowedOrigins.Read(Page) });

        using var unknown = await SendAsync(guarded.Server, HttpMethod.Get, "/v1/Services", Page);
        using var missing = await SendAsync(guarded.Server, HttpMethod.Get, "/v1/Nothing", Page);

        Assert.Equal((HttpStatusCode.Unauthorized, Page), (unknown.StatusCode, AllowedIn(unknown)));
        Assert.Equal((HttpStatusCode.NotFound, Page), (missing.StatusCode, AllowedIn(missing)));
    }

    [Theory]
    [InlineData(null, "https://foreign.example", HttpStatusCode.Forbidden)]
    [InlineData(null, "null", HttpStatusCode.Forbidden)]
    [InlineData(Page, "https://foreign.example", HttpStatusCode.Forbidden)]
    [InlineData(Page, "HTTPS://app.example", HttpStatusCode.Created)]
    [InlineData("*", "https://foreign.example", HttpStatusCode.Created)]
    [InlineData("https://bücher.example", "https://xn--bcher-kva.example", HttpStatusCode.Created)]
    [InlineData("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", HttpStatusCode.Created)]
    [InlineData("https://bücher.example", "https://xn--bcher-kvb.example", HttpStatusCode.Forbidden)]
    [InlineData("https://[::1]:8080", "https://[::1]:8080", HttpStatusCode.Created)]
    [InlineData("https://[::1]:8080", "https://[::1]", HttpStatusCode.Forbidden)]
    [InlineData(null, null, HttpStatusCode.Created)]
    public async Task A_page_that_is_not_allowed_changes_nothing_with_the_forms_that_browsers_post_unasked(
        string? allowed, string? origin, HttpStatusCode status)
    {
        await using var server = await StartAsync(allowed);

        using var form = new FormUrlEncodedContent([KeyValuePair.Create("FriendlyName", "x")]);
        using var response = await SendAsync(server, HttpMethod.Post, "/v1/Services", origin, form);

        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task A_page_may_watch()
    {
        await using var server = await StartAsync(Page);
        var service = await server.CreateServiceAsync();

        using var response = await SendAsync(server, HttpMethod.Get, UpdatesUrl.Of(new WatchUsersRequest { ServiceSid = service }), Page);

        Assert.Equal((HttpStatusCode.OK, Page), (response.StatusCode, AllowedIn(response)));
    }

    private static Task<TestServer> StartAsync(string? allowed) =>
        TestServer.StartAsync(settings: new ServerSettings { AllowedOrigins = allowed is null ? null : AllowedOrigins.Read(allowed) });

    private static Task<HttpResponseMessage> AskAsync(TestServer server, string origin, string method, string headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Options, "/v1/Services") { Headers = { { "Origin", origin } } };
        request.Headers.Add("Access-Control-Request-Method", method);
        request.Headers.Add("Access-Control-Request-Headers", headers);
        return server.Rest.SendAsync(request, TestRun.Token);
    }

    private static Task<HttpResponseMessage> SendAsync(
        TestServer server, HttpMethod method, string path, string? origin, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        return server.Rest.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestRun.Token);
    }

    private static string? AllowedIn(HttpResponseMessage response) =>
        response.Headers.TryGetValues(AllowOrigin, out var origins) ? Assert.Single(origins) : null;

    [Fact]
    public void An_origin_that_is_not_ASCII_is_not_copied_into_a_response()
    {
        var origins = AllowedOrigins.Read("https://bücher.example")!;

        Assert.True(origins.Include("https://XN--bcher-kva.example"));
        Assert.False(origins.Include("https://bücher.example"));
        Assert.False(origins.Include("https://BÜCHER.example"));
    }
}
