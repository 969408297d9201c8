using System.Net.ServerSentEvents;
using System.Text.Json;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A response of server-sent events that is being read. Remembers the last id as a browser does: until it is given another.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly IAsyncEnumerator<SseItem<JsonElement>> _events;

    private EventStream(HttpResponseMessage response, Stream body, string lastId)
    {
        (_response, LastId) = (response, lastId);
        _events = SseParser.Create(body, static (_, data) => JsonElement.Parse(data)).EnumerateAsync(TestRun.Token).GetAsyncEnumerator();
    }

    /// <summary>The id that a browser sends when it comes back; empty for none.</summary>
    public string LastId { get; private set; }

    /// <summary>Reads the response, which must be such a stream.</summary>
    public static async Task<EventStream> OfAsync(HttpResponseMessage response, string lastId)
    {
        response.EnsureSuccessStatusCode();
        return new EventStream(response, await response.Content.ReadAsStreamAsync(TestRun.Token), lastId);
    }

    /// <summary>The next event; null when there are no more.</summary>
    public async Task<SseItem<JsonElement>?> Next()
    {
        if (!await _events.MoveNextAsync())
            return null;
        LastId = _events.Current.EventId ?? LastId;
        return _events.Current;
    }

    /// <summary>Breaks off.</summary>
    public ValueTask DisposeAsync()
    {
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}
