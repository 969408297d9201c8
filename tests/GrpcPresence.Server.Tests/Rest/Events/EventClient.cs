using System.Net.ServerSentEvents;
using System.Text.Json;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing.Watching;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>
/// A browser that watches one URL. It disconnects after some event, stays away until it is called back or forever, and resumes with the id
/// that it remembers. Every event is checked against the model.
/// </summary>
internal sealed class EventClient(TestServer server, WatchUsersRequest request, WatchModel model, Truth truth, Random random)
{
    private const int MostEvents = 12; // before it disconnects

    private readonly Lock _gate = new(); // protects the fields that the history sets
    private readonly TaskCompletionSource _settles = NewSource();
    private TaskCompletionSource _calledBack = NewSource();
    private long? _settlesAt;
    private EventStream _events = null!;
    private Task<SseItem<JsonElement>?>? _next; // a pending read
    private bool _hasResumed; // the stream resumed from an id
    private bool _isWithinMessage; // more updates follow before the next id

    /// <summary>What the client may conclude from its events.</summary>
    public WatchModel Model => model;

    /// <summary>How often the client disconnected.</summary>
    public int Breaks { get; private set; }

    /// <summary>How often the client disconnected after the first of several updates with one id.</summary>
    public int BreaksWithinMessage { get; private set; }

    /// <summary>Makes the client reconnect if it is away.</summary>
    public void CallBack()
    {
        lock (_gate)
        {
            _calledBack.TrySetResult();
            _calledBack = NewSource();
        }
    }

    /// <summary>Makes the client stay connected. No change follows the revision.</summary>
    public void Settle(long revision)
    {
        lock (_gate)
        {
            _settlesAt = revision;
            _calledBack.TrySetResult();
            _settles.TrySetResult();
        }
    }

    /// <summary>Watches until everything up to the revision has arrived. The stream stays open.</summary>
    /// <exception cref="BrokenPromiseException">A promise is broken.</exception>
    public async Task RunAsync()
    {
        for (var lastId = ""; ;)
        {
            _events = await OpenAsync(lastId);
            _hasResumed = lastId.Length > 0;
            if (await IsSettledAsync(random.Next(1, MostEvents + 1)))
                return;
            lastId = _events.LastId;
            await _events.DisposeAsync();
            Breaks++;
            if (_isWithinMessage)
                BreaksWithinMessage++;
            model.GoOn();
            if (random.Next(2) == 0)
                await Barrier.Within(Away(), "the client was called back");
        }
    }

    /// <summary>Expects the last event, with the id of the event before. Only progress events may precede it.</summary>
    /// <exception cref="BrokenPromiseException">Another event arrived.</exception>
    public async Task RequireEndAsync(string reason)
    {
        await using var events = _events;
        var end = await NextAsync();
        for (; end.EventType == "progress"; end = await NextAsync())
            await TakeAsync(end);
        if (end.EventType != "end"
            || end.EventId != model.Token!.Encode()
            || end.Data.GetProperty("reason").GetString() != reason)
        {
            throw new BrokenPromiseException(
                "Drained", $"the watch ends with {end.EventType} {end.EventId} {end.Data} after {model.Token}");
        }
    }

    private async Task<EventStream> OpenAsync(string lastId)
    {
        var opening = new HttpRequestMessage(HttpMethod.Get, UpdatesUrl.Of(request));
        if (lastId.Length > 0)
            opening.Headers.Add("Last-Event-ID", lastId);
        var response = server.Rest.SendAsync(opening, HttpCompletionOption.ResponseHeadersRead, TestRun.Token);
        await Barrier.Within(response, $"the watch of {UpdatesUrl.Of(request)} began");
        return await EventStream.OfAsync(await response, lastId);
    }

    // Reads up to `max` events, or all up to the revision where the history settles.
    private async Task<bool> IsSettledAsync(int max)
    {
        for (var taken = 0; ; taken++)
        {
            if (SettlesAt is null && taken >= max)
                return false;
            _next ??= _events.Next();
            await Barrier.Within(Task.WhenAny(_next, _settles.Task), "an event came, or the history ended");
            if (IsSettled)
                return true;
            await TakeAsync(await NextAsync());
        }
    }

    private bool IsSettled => model.IsSynced && model.Token is { } token && token.Position >= SettlesAt;

    private async Task<SseItem<JsonElement>> NextAsync()
    {
        _next ??= _events.Next();
        await Barrier.Within(
            _next,
            $"the event arrived that follows {model.Token?.Base}/{model.Token?.Position} "
            + $"(settles at {SettlesAt}) of {UpdatesUrl.Of(request)}");
        var next = await _next;
        _next = null;
        return next ?? throw new BrokenPromiseException("Drained", "the watch ended without a reason");
    }

    private async Task TakeAsync(SseItem<JsonElement> item)
    {
        switch (item.EventType)
        {
            case "configuration":
                model.TakeConfiguration();
                break;
            case "reset":
                if (_hasResumed && item.Data.GetProperty("reason").GetString() != "reachabilitySwitched")
                    throw new BrokenPromiseException("Resumable", $"the id of the last event was answered with {item.Data}");
                model.TakeReset();
                break;
            case "synced":
                model.TakeSynced();
                break;
            case "updated":
                await KnowAsync(item.Data.GetProperty("revision").GetInt64());
                model.Take(ReceivedOf(item.Data));
                break;
            case not "progress":
                throw new BrokenPromiseException("Drained", $"the watch ended: {item.Data}");
        }
        _isWithinMessage = item is { EventType: "updated", EventId: null } && !model.IsInSnapshot;
        if (item.EventId is not { Length: > 0 } id)
            return;
        var token = ResumeToken.TryDecode(id, out var decoded)
            ? decoded
            : throw new BrokenPromiseException("Bookmarkable", $"{id} is not a token");
        await KnowAsync(token.Position);
        model.Take(token);
    }

    private Task KnowAsync(long revision) =>
        Barrier.Within(truth.WhenKnownAsync(revision), $"revision {revision}, which a client has, was published");

    private ReceivedUser ReceivedOf(JsonElement data)
    {
        var user = data.GetProperty("user");
        var sid = UserSid.TryParse(user.GetProperty("sid").GetString()!, out var parsed)
            ? parsed
            : throw new BrokenPromiseException("Ordered", "no SID");
        var revision = data.GetProperty("revision").GetInt64();
        var reasons = data.GetProperty("update_reasons").EnumerateArray()
            .Aggregate(UpdateReasons.None, (all, word) => all | Enum.Parse<UpdateReasons>(word.GetString()!, ignoreCase: true));
        // Only committed changes determine the row: clients also see a revision that switching reachability changes.
        var row = truth.LastChange(sid, UpdateReasons.All, revision);
        return new ReceivedUser(sid, Identity.FromTrusted(user.GetProperty("identity").GetString()!), revision, row, reasons)
        {
            IsDeleted = reasons.HasFlag(UpdateReasons.Deleted),
            IsOnline = FlagOf(user.GetProperty("is_online")),
            IsNotifiable = FlagOf(user.GetProperty("is_notifiable")),
            FriendlyName = user.GetProperty("friendly_name").GetString() ?? "",
        };
    }

    private static bool? FlagOf(JsonElement flag) => flag.ValueKind == JsonValueKind.Null ? null : flag.GetBoolean();

    private long? SettlesAt
    {
        get
        {
            lock (_gate)
                return _settlesAt;
        }
    }

    private Task Away()
    {
        lock (_gate)
            return _calledBack.Task;
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
