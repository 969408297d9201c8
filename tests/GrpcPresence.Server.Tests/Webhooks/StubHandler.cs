using System.Net;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Replaces the network: keeps the last request, and returns the response that the test chooses.</summary>
internal sealed class StubHandler(Func<CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
{
    public StubHandler(HttpStatusCode status)
        : this(_ => Task.FromResult(new HttpResponseMessage(status)))
    {
    }

    public HttpMethod? Method { get; private set; }

    public Uri? Url { get; private set; }

    public string? Body { get; private set; }

    public int Requests { get; private set; }

    public Dictionary<string, string> Headers { get; } = [];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Requests++;
        Method = request.Method;
        Url = request.RequestUri;
        Body = request.Content is { } content ? await content.ReadAsStringAsync(cancellationToken) : null;
        Headers.Clear();
        foreach (var header in request.Headers)
            Headers[header.Key] = string.Join(' ', header.Value);
        return await answer(cancellationToken);
    }
}
