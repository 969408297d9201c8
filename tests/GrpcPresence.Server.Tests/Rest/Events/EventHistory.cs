using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing.Watching;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;
using BindingType = GrpcPresence.V1.BindingType;
using UserView = GrpcPresence.V1.UserView;

namespace GrpcPresence.Server.Tests.Rest.Events;

/// <summary>Runs one random history in its own service instance, with clients that watch it over server-sent events.</summary>
internal sealed class EventHistory
{
    private const int Length = 30;
    private const string Last = "last"; // the user whose end is the last change

    private static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(2);
    private static readonly string[] Names = ["ada", "bob", "cay", "dan"];

    private readonly TestServer _server;
    private readonly FakeTimeProvider _time;
    private readonly Random _random;
    private readonly ServiceSid _service;
    private readonly Truth _truth;
    private readonly List<(EventClient Client, Task Run)> _clients = [];
    private int _sessions;

    private EventHistory(TestServer server, FakeTimeProvider time, Random random, ServiceSid service, Truth truth) =>
        (_server, _time, _random, _service, _truth) = (server, time, random, service, truth);

    /// <summary>Runs the history of a seed.</summary>
    /// <returns>Its clients.</returns>
    /// <exception cref="BrokenPromiseException">A promise is broken.</exception>
    public static async Task<IReadOnlyList<EventClient>> RunAsync(TestServer server, FakeTimeProvider time, TruthRecorder truths, int seed)
    {
        var sid = await server.CreateServiceAsync();
        await server.Configuration.UpdateConfigurationAsync(new UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration
            {
                ServiceSid = sid,
                ReachabilityEnabled = true,
                HeartbeatInterval = Duration.FromTimeSpan(SessionTimeout / 2),
                SessionTimeout = Duration.FromTimeSpan(SessionTimeout),
            },
            UpdateMask = FieldMask.FromString("reachability_enabled,heartbeat_interval,session_timeout"),
        });
        Assert.True(ServiceSid.TryParse(sid, out var service));
        var history = new EventHistory(server, time, new Random(seed), service, truths.Of(service));
        for (var i = 0; i < Length; i++)
            await history.StepAsync();
        await history.SettleAsync();
        return [.. history._clients.Select(entry => entry.Client)];
    }

    private async Task StepAsync()
    {
        var (users, sid, name) = (_server.Users, _service.ToString(), Names[_random.Next(Names.Length)]);
        switch (_random.Next(20))
        {
            case < 6:
                await Outcome(_server.BeatAsync(sid, name, $"s{_sessions++}").ResponseAsync);
                break;
            case < 8:
                await Outcome(_server.EndAsync(sid, name, $"s{_random.Next(_sessions + 1)}").ResponseAsync);
                break;
            case < 10:
                var edited = new User { ServiceSid = sid, Identity = name, FriendlyName = $"name {_random.Next(10)}" };
                var update = new UpdateUserRequest { User = edited, UpdateMask = FieldMask.FromString("friendly_name") };
                await Outcome(users.UpdateUserAsync(update).ResponseAsync);
                break;
            case < 11:
                await Outcome(users.CreateUserAsync(new CreateUserRequest { ServiceSid = sid, Identity = name }).ResponseAsync);
                break;
            case < 12:
                await Outcome(users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = sid, UserKey = name }).ResponseAsync);
                break;
            case < 13:
                var binding = new SetPushBindingRequest
                {
                    ServiceSid = sid,
                    UserKey = name,
                    BindingType = BindingType.Fcm,
                    Endpoint = $"{_random.Next(3)}",
                };
                await Outcome(users.SetPushBindingAsync(binding).ResponseAsync);
                break;
            case < 14:
                await _server.SwitchAsync(sid, on: _random.Next(3) > 0);
                break;
            case < 15:
                Wait(_random.Next(30));
                break;
            case < 18 when _clients.Count < 4:
                Open();
                break;
            default:
                if (_clients.Count > 0)
                    _clients[_random.Next(_clients.Count)].Client.CallBack();
                break;
        }
    }

    // Ticks as the server's own timer would, but returns only when all consequences have begun.
    private void Wait(int ticks)
    {
        for (var i = 0; i < ticks; i++)
        {
            _time.Advance(Limits.Tick);
            _server.Get<PresenceTracker>().Tick();
            _server.Get<WatchHub>().Tick();
        }
    }

    // Time advances while clients catch up, because a server that missed a batch looks for it on a tick.
    private async Task TickUntil(Task done)
    {
        using var timer = new PeriodicTimer(Limits.Tick);
        while (await Task.WhenAny(done, timer.WaitForNextTickAsync(TestRun.Token).AsTask()) != done)
            Wait(ticks: 1);
        await done;
    }

    private void Open()
    {
        var request = new WatchUsersRequest { ServiceSid = _service.ToString(), View = (UserView)_random.Next(4) };
        if (_random.Next(3) == 0)
            request.UserKeys.AddRange([Names[_random.Next(2)], Names[2 + _random.Next(2)], Last]);
        var reasons = _random.Next(4) switch
        {
            0 => UpdateReasons.ReachabilityOnline,
            1 => UpdateReasons.FriendlyName | UpdateReasons.Created,
            _ => UpdateReasons.None,
        };
        request.Reasons.AddRange(System.Enum.GetValues<UpdateReason>().Where(reason => ((int)reasons & (1 << (int)reason)) != 0));
        var startsNow = _random.Next(5) == 0;
        request.Start = startsNow ? WatchStart.Now : WatchStart.Unspecified;
        var model = new WatchModel(FilterOf(request, reasons), _truth) { IsStartedNow = startsNow };
        var client = new EventClient(_server, request, model, _truth, new Random(_random.Next()));
        _clients.Add((client, client.RunAsync()));
    }

    private static WatchFilter FilterOf(WatchUsersRequest request, UpdateReasons reasons)
    {
        var view = request.View == UserView.Unspecified
            ? Core.Domain.Users.UserView.Full
            : System.Enum.Parse<Core.Domain.Users.UserView>(request.View.ToString());
        return new WatchFilter(request.UserKeys.Select(key => new UserKey(Identity.FromTrusted(key))), reasons, view);
    }

    /// <summary>
    /// Ends every session, and creates and deletes one more user, because every filter passes a deletion. When it has arrived with its id,
    /// each client must know the truth. Then the service instance is deleted, and each watch must end with that reason.
    /// </summary>
    private async Task SettleAsync()
    {
        Wait(ticks: 2 * (int)(SessionTimeout / Limits.Tick));
        await _server.CreateUserAsync(_service.ToString(), Last);
        await _server.Users.DeleteUserAsync(new DeleteUserRequest { ServiceSid = _service.ToString(), UserKey = Last });
        var revision = _truth.Revision;
        foreach (var (client, _) in _clients)
            client.Settle(revision);
        await TickUntil(Task.WhenAll(_clients.Select(entry => entry.Run)));

        var stored = await _server.Store.ListUsersAsync(_service, afterId: 0, limit: 100, online: null, TestRun.Token);
        if (_truth.Revision != revision)
            throw new BrokenPromiseException("Convergent", "the last change was not the last");
        foreach (var (client, _) in _clients)
            client.Model.RequireTruth(stored.Users);
        await _server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = _service.ToString() });
        foreach (var (client, _) in _clients)
            await client.RequireEndAsync("SERVICE_INSTANCE_NOT_FOUND");
    }

    // Errors are expected here.
    private static async Task Outcome(Task call)
    {
        try
        {
            await call;
        }
        catch (global::Grpc.Core.RpcException exception) when (exception.StatusCode is not global::Grpc.Core.StatusCode.Internal)
        {
        }
    }
}
