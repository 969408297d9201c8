using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>A server, and a client of its REST interface that uses only HTTP.</summary>
internal sealed class RestServer : IAsyncDisposable
{
    private readonly HttpClient _http;

    private RestServer(TestServer server)
    {
        Server = server;
        _http = new HttpClient { BaseAddress = server.RestAddress };
    }

    public TestServer Server { get; }

    public static async Task<RestServer> StartAsync(ServerSettings? settings = null) =>
        new(await TestServer.StartAsync(settings: settings));

    public static RestServer Of(TestServer server) => new(server);

    public Task<RestReply> GetAsync(string path, string? authorization = null) =>
        SendAsync(HttpMethod.Get, path, content: null, authorization);

    public Task<RestReply> DeleteAsync(string path, string? authorization = null) =>
        SendAsync(HttpMethod.Delete, path, content: null, authorization);

    /// <summary>Posts a form, in which a name may be repeated.</summary>
    public Task<RestReply> PostAsync(string path, params (string Name, string Value)[] form) => PostAsync(path, authorization: null, form);

    public Task<RestReply> PostAsync(string path, string? authorization, params (string Name, string Value)[] form) => SendAsync(
        HttpMethod.Post, path, new FormUrlEncodedContent(form.Select(pair => KeyValuePair.Create(pair.Name, pair.Value))), authorization);

    public Task<RestReply> SendAsync(
        HttpMethod method, string path, HttpContent? content, string? authorization = null, params (string Name, string Value)[] headers) =>
        SendAsync(method, new Uri(path, UriKind.RelativeOrAbsolute), content, authorization, headers);

    public async Task<RestReply> SendAsync(
        HttpMethod method, Uri url, HttpContent? content, string? authorization = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, url) { Content = content };
        if (authorization is not null)
            request.Headers.Authorization = AuthenticationHeaderValue.Parse(authorization);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await _http.SendAsync(request, TestRun.Token);
        var text = await response.Content.ReadAsStringAsync(TestRun.Token);
        return new RestReply(response.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement, response.Headers);
    }

    /// <summary>Returns the URL of a path as it is, without escaping and without resolving "..".</summary>
    public Uri RawUrl(string path) =>
        new(
            _http.BaseAddress!.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    /// <summary>A body with a media type that the interface does not accept.</summary>
    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    /// <summary>Creates a service instance and returns its path.</summary>
    public async Task<string> CreateServiceAsync()
    {
        var created = await PostAsync("/v1/Services", ("FriendlyName", "Of a test"));
        Assert.Equal(HttpStatusCode.Created, created.Status);
        return $"/v1/Services/{created.Text("sid")}";
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await Server.DisposeAsync();
    }
}
