using System.Net;
using System.Threading.Channels;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A back end on a loopback port: keeps each request, and returns the response that the test chooses.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<ReceivedWebhook> _received = Channel.CreateUnbounded<ReceivedWebhook>();

    private WebhookReceiver()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    /// <summary>Chooses the status code of each response.</summary>
    public Func<ReceivedWebhook, int> Answer { get; set; } = _ => StatusCodes.Status200OK;

    public Uri Address => new(_app.Urls.First());

    public string Url => new Uri(Address, "/hook?key=1").AbsoluteUri;

    /// <summary>The number of received requests that the test has not read yet.</summary>
    public int Unread => _received.Reader.Count;

    public static async Task<WebhookReceiver> StartAsync()
    {
        var receiver = new WebhookReceiver();
        await receiver._app.StartAsync(TestRun.Token);
        return receiver;
    }

    /// <summary>Returns the next request; waits until it arrives.</summary>
    public async Task<ReceivedWebhook> NextAsync()
    {
        var next = _received.Reader.ReadAsync(TestRun.Token).AsTask();
        await Barrier.Within(next, "the back end received a request");
        return await next;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        var form = http.Request.HasFormContentType ? await http.Request.ReadFormAsync() : null;
        var received = new ReceivedWebhook(
            http.Request.Method,
            http.Request.GetEncodedUrl(),
            http.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            (form is null ? http.Request.Query : form.AsEnumerable()).ToDictionary(parameter => parameter.Key, parameter =>
                parameter.Value.ToString()));
        http.Response.StatusCode = Answer(received);
        _received.Writer.TryWrite(received);
    }
}
