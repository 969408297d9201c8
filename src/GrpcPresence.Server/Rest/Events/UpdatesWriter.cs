using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Rest.Api;
using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Events;

/// <summary>
/// Writes the messages of one watch as server-sent events (HTML, section 9.2), one per update. Only the last event of a message has an id,
/// so that a client that disconnects in between resumes from the previous message. A client keeps an id until it receives another. Not safe
/// for concurrent use.
/// </summary>
internal sealed class UpdatesWriter : IServerStreamWriter<WatchFrame>
{
    private readonly RestRequest _call;
    private readonly bool _beginsNow;
    private readonly PipeWriter _output;

    /// <summary>Creates a writer. It does not start the response.</summary>
    /// <param name="call">The request.</param>
    /// <param name="beginsNow">Whether the URL, without a last event id, asks for no snapshot.</param>
    public UpdatesWriter(RestRequest call, bool beginsNow)
    {
        (_call, _beginsNow) = (call, beginsNow);
        var response = call.Http.Response;
        response.ContentType = call.Operation.Produces;
        // A program in between that compresses would hold events back until it has a block to compress.
        response.Headers.CacheControl = "no-store, no-transform";
        // A buffering proxy would delay the updates.
        response.Headers["X-Accel-Buffering"] = "no";
        _output = response.BodyWriter;
    }

    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get; set; }

    /// <summary>Whether the client asks for the headers alone. The first message then ends the watch with a cancellation.</summary>
    public bool IsHead => HttpMethods.IsHead(_call.Http.Request.Method);

    /// <inheritdoc/>
    public Task WriteAsync(WatchFrame message)
    {
        if (IsHead)
            throw new OperationCanceledException();
        var id = message.Event.Token?.Encode();
        switch (message.Event)
        {
            case WatchEvent.Updates updates:
                for (var i = 0; i < updates.Users.Count; i++)
                    Write("updated", UserUpdateResource.Of(updates.Users[i], message, _call), i == updates.Users.Count - 1 ? id : null);
                break;
            case WatchEvent.ConfigurationChanged changed:
                Write("configuration", ConfigurationResource.Of(changed.Configuration.ToMessage(message.Service), _call), id);
                break;
            case WatchEvent.Reset reset:
                Write("reset", new ResetResource(JsonNamingPolicy.CamelCase.ConvertName($"{reset.Reason}")), IdOfReset);
                break;
            case WatchEvent.Synced:
                Write("synced", new object(), id);
                break;
            case WatchEvent.Progress:
                Write("progress", new object(), id);
                break;
            default:
                throw new InvalidOperationException($"{message.Event.GetType().Name} has no server-sent event.");
        }
        return FlushAsync(_call.Http.RequestAborted);
    }

    /// <summary>
    /// Writes the last event: why the watch ends, and when to reconnect. A client that resumes from the last id misses nothing.
    /// </summary>
    public async Task EndAsync(PresenceException end)
    {
        if (ErrorDetails.RetryDelayOf(end) is { } delay)
            Write(string.Create(CultureInfo.InvariantCulture, $"retry: {delay.TotalMilliseconds:0}\n"));
        var resource = new EndResource(ErrorTable.NameOf(end.Reason), ErrorDetails.TextOf(end))
        {
            CorrelationId = end.Details.GetValueOrDefault(ErrorDetails.CorrelationIdKey),
        };
        Write("end", resource, end.Details.GetValueOrDefault(WatchSession.ResumeTokenDetail));
        // Do not cancel: a disconnected client, which is not an error here, accepts the write immediately.
        await FlushAsync(CancellationToken.None);
    }

    /// <summary>
    /// The id of a reset event. Until <c>synced</c>, the client no longer has the state that the old id stands for. The empty id makes it
    /// reconnect without an id and receive a snapshot. If the URL asks for no snapshot, the client keeps the id, and receives another
    /// reset.
    /// </summary>
    private string? IdOfReset => _beginsNow ? null : "";

    private void Write<TResource>(string name, TResource resource, string? id)
    {
        Write($"event: {name}\n");
        if (id is not null)
            Write($"id: {id}\n");
        Write("data: ");
        // On one line, as an event requires: the JSON writer adds no line breaks.
        using (var json = new Utf8JsonWriter(_output, new JsonWriterOptions { Encoder = RestJson.Options.Encoder }))
            JsonSerializer.Serialize(json, resource, RestJson.Options);
        Write("\n\n");
    }

    private void Write(string text) => Encoding.ASCII.GetBytes(text, _output);

    private async Task FlushAsync(CancellationToken cancellationToken) => await _output.FlushAsync(cancellationToken);
}
