using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>
/// A watch over server-sent events. Each event converts to the message that gRPC would send, but every update is a message of its own.
/// </summary>
internal sealed class EventWatch(Task<HttpResponseMessage> opening, string lastId) : Watch
{
    private EventStream? _events;

    /// <summary>The response, once its headers have arrived.</summary>
    public Task<HttpResponseMessage> Response => opening;

    public override Task Headers => opening;

    /// <summary>Opens the watch like a browser that resumes from the request's token.</summary>
    public static EventWatch Open(TestServer server, WatchUsersRequest request, string? authorization = null) =>
        Open(server, UpdatesUrl.Of(request), request.ResumeToken, authorization);

    /// <summary>Opens the watch of a URL.</summary>
    public static EventWatch Open(TestServer server, string url, string lastId = "", string? authorization = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (lastId.Length > 0)
            request.Headers.Add("Last-Event-ID", lastId);
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return new EventWatch(server.Rest.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestRun.Token), lastId);
    }

    /// <summary>Returns the next event, or null at the end.</summary>
    public async Task<SseItem<JsonElement>?> NextEvent()
    {
        _events ??= await EventStream.OfAsync(await opening, lastId);
        return await _events.Next();
    }

    public override void Dispose() => _ = opening.ContinueWith(
        static opened => opened.Result.Dispose(),
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnRanToCompletion,
        TaskScheduler.Default);

    protected override async Task<WatchUsersResponse> Read()
    {
        var next = await NextEvent();
        Assert.NotNull(next);
        return MessageOf(next.Value);
    }

    protected override async Task<CallError> ReadToEnd()
    {
        if (!(await opening).IsSuccessStatusCode)
            return await RejectionAsync(await opening);
        SseItem<JsonElement>? last = null;
        while (await NextEvent() is { } next)
            last = next;
        Assert.Equal("end", last?.EventType);
        return EndOf(last!.Value);
    }

    private static WatchUsersResponse MessageOf(SseItem<JsonElement> item)
    {
        var message = new WatchUsersResponse { ResumeToken = item.EventId ?? "" };
        switch (item.EventType)
        {
            case "configuration":
                var isEnabled = item.Data.GetProperty("reachability_enabled").GetBoolean();
                message.Configuration = new V1.Configuration { ReachabilityEnabled = isEnabled };
                break;
            case "reset":
                var reset = item.Data.GetProperty("reason").GetString()!;
                message.Reset = new WatchReset { Reason = System.Enum.Parse<ResetReason>(reset, ignoreCase: true) };
                break;
            case "updated":
                message.Updates = new WatchUpdates { Updates = { UpdateOf(item.Data) } };
                break;
            case "synced":
                message.Synced = new WatchSynced();
                break;
            case "progress":
                message.Progress = new WatchProgress();
                break;
            default:
                Assert.Fail($"Unknown event {item.EventType}: {item.Data}");
                break;
        }
        return message;
    }

    private static UserUpdate UpdateOf(JsonElement data)
    {
        var received = data.GetProperty("user");
        var user = new User
        {
            Sid = Text("sid"),
            ServiceSid = Text("chat_service_sid"),
            Identity = Text("identity"),
            FriendlyName = Text("friendly_name"),
            Attributes = Text("attributes"),
            RoleSid = Text("role_sid"),
            Revision = data.GetProperty("revision").GetInt64(),
        };
        if (Flag("is_online") is { } online)
            user.IsOnline = online;
        if (Flag("is_notifiable") is { } notifiable)
            user.IsNotifiable = notifiable;
        var reasons = data.GetProperty("update_reasons").EnumerateArray()
            .Select(word => System.Enum.Parse<UpdateReason>(word.GetString()!, ignoreCase: true));
        return new UserUpdate { User = user, UpdateReasons = { reasons } };

        string Text(string name) => received.GetProperty(name).GetString() ?? "";
        bool? Flag(string name) => received.GetProperty(name) is { ValueKind: not JsonValueKind.Null } flag ? flag.GetBoolean() : null;
    }

    private static CallError EndOf(SseItem<JsonElement> end)
    {
        var info = new ErrorInfo { Reason = end.Data.GetProperty("reason").GetString() };
        if (end.EventId is { } id)
            info.Metadata["resume_token"] = id;
        var retry = end.ReconnectionInterval is { } delay ? new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) } : null;
        return new CallError(DocumentedReasons.Statuses[info.Reason!], info, null, retry);
    }

    private static async Task<CallError> RejectionAsync(HttpResponseMessage response)
    {
        var body = await response.Content.ReadFromJsonAsync<JsonElement>(TestRun.Token);
        Assert.Equal((int)response.StatusCode, body.GetProperty("status").GetInt32());
        var details = body.GetProperty("details");
        var info = new ErrorInfo { Reason = details.GetProperty("reason").GetString() };
        var badRequest = new BadRequest();
        if (details.TryGetProperty("violations", out var violations))
        {
            badRequest.FieldViolations.AddRange(violations.EnumerateArray().Select(violation => new BadRequest.Types.FieldViolation
            {
                Field = violation.GetProperty("parameter").GetString(),
                Description = violation.GetProperty("reason").GetString(),
            }));
        }
        var retry = response.Headers.RetryAfter?.Delta is { } delay ? new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) } : null;
        return new CallError(DocumentedReasons.Statuses[info.Reason!], info, badRequest, retry);
    }
}
