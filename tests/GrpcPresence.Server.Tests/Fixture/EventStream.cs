using System.Net.ServerSentEvents;
using System.Text.Json;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Reads a response of server-sent events. Like a browser, it remembers the last id until it receives another.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly IAsyncEnumerator<SseItem<JsonElement>> _events;

    private EventStream(HttpResponseMessage response, Stream body, string lastId)
    {
        (_response, LastId) = (response, lastId);
        _events = SseParser.Create(body, static (_, data) => JsonElement.Parse(data)).EnumerateAsync(TestRun.Token).GetAsyncEnumerator();
    }

    /// <summary>The id that a browser sends when it reconnects; empty for none.</summary>
    public string LastId { get; private set; }

    /// <summary>Reads the response, which must be an event stream.</summary>
    public static async Task<EventStream> OfAsync(HttpResponseMessage response, string lastId)
    {
        response.EnsureSuccessStatusCode();
        return new EventStream(response, await response.Content.ReadAsStreamAsync(TestRun.Token), lastId);
    }

    /// <summary>Returns the next event, or null at the end.</summary>
    public async Task<SseItem<JsonElement>?> Next()
    {
        if (!await _events.MoveNextAsync())
            return null;
        LastId = _events.Current.EventId ?? LastId;
        return _events.Current;
    }

    /// <summary>Disconnects.</summary>
    public ValueTask DisposeAsync()
    {
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}
