using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Storage.Tests.Conformance;

namespace GrpcPresence.Storage.Tests.Writing;

/// <summary>The writer and the tracker over a store, on one thread and a clock that stands still.</summary>
internal sealed class WriterRun : IDisposable, ICommitPublisher
{
    public static readonly ServiceSid Lasting = Sample.ServiceSid(1);
    public static readonly ServiceSid Fleeting = Sample.ServiceSid(2);

    private readonly IPresenceStore _store;
    private readonly bool _publishesUsers;
    private readonly CommandQueue _queue = new();
    private readonly PresenceMetrics _metrics = new();
    private readonly ServiceCache _services;
    private readonly PresenceTracker _tracker;
    private readonly CommandWriter _writer;
    private readonly List<Published> _published = [];

    private WriterRun(IPresenceStore store, bool publishesUsers)
    {
        var time = new StoppedClock();
        (_store, _publishesUsers) = (store, publishesUsers);
        _services = new ServiceCache(store);
        _tracker = new PresenceTracker(time, _queue, _metrics);
        _tracker.Resume(default);
        _tracker.Start();
        _writer = new CommandWriter(
            store, _queue, _services, _tracker, [this], new ApiKeyCache(), new StorageStatus(), _metrics, time, TimeSpan.FromDays(30),
            usersPerService: 3);
    }

    /// <summary>What was published: changes of users, and configurations, which have no identity.</summary>
    public IReadOnlyList<Published> Changes => _published;

    /// <summary>Starts with what the store contains.</summary>
    public static WriterRun Join(IPresenceStore store) => new(store, publishesUsers: true);

    /// <summary>Starts with a service instance in which reachability is on.</summary>
    public static async Task<WriterRun> StartAsync(IPresenceStore store, bool publishesUsers)
    {
        var run = new WriterRun(store, publishesUsers);
        await run.OutcomeOf(run._queue.SubmitAsync(new CreateServiceInstance(Lasting, "lasting")));
        await run.OutcomeOf(run._queue.SubmitAsync(
            new UpdateConfiguration(Lasting, "", before => before with { ReachabilityEnabled = true })));
        return run;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _metrics.Dispose();
    }

    public bool NeedsUsers(ServiceSid service) => _publishesUsers;

    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits.Where(_ => _publishesUsers))
        {
            foreach (var change in commit.Users)
            {
                _published.Add(new Published(
                    commit.Service.Id, change.Revision, change.Previous, change.State.Identity, change.Reasons));
            }
            foreach (var configuration in commit.Configurations)
                _published.Add(new Published(commit.Service.Id, configuration.Revision, 0, null, default));
        }
    }

    /// <summary>Writes the commands in one batch, and returns their outcomes.</summary>
    public async Task<IReadOnlyList<string>> WriteTogetherAsync(IReadOnlyList<WriterStep> steps)
    {
        return await WriteTogetherAsync(steps, await LookAsync());
    }

    /// <summary>Writes the commands in one batch, and returns their outcomes.</summary>
    public async Task<IReadOnlyList<string>> WriteTogetherAsync(IReadOnlyList<WriterStep> steps, Seen seen)
    {
        var tasks = new List<Task>();
        foreach (var step in steps)
            tasks.Add(Submit(step, seen));
        return await OutcomesOf(tasks);
    }

    /// <summary>Writes each command in a batch of its own, and returns their outcomes.</summary>
    public async Task<IReadOnlyList<string>> WriteApartAsync(IReadOnlyList<WriterStep> steps)
    {
        var seen = await LookAsync();
        var outcomes = new List<string>();
        foreach (var step in steps)
            outcomes.AddRange(await OutcomesOf([Submit(step, seen)]));
        return outcomes;
    }

    /// <summary>Describes all data, and what was published, without the random SIDs.</summary>
    public async Task<IReadOnlyList<string>> DescribeAsync()
    {
        var lines = new List<string>();
        foreach (var service in await _store.ListServicesAsync(0, 10, default))
        {
            lines.Add($"service {service.Id} {service.FriendlyName} {service.Revision} {service.UserCount} {service.Configuration}");
            foreach (var change in (await _store.ListChangesAsync(service.Sid, 0, 100, default)).Changes)
            {
                lines.Add(change.State.Record is { } user
                    ? $"user {service.Id} {user with { Sid = default }}"
                    : $"tombstone {service.Id} {change.State.Identity} {change.Revision}");
            }
            foreach (var binding in await _store.ListBindingsAsync(service.Sid, BindingFilter.All, 0, 100, default))
                lines.Add($"binding {service.Id} {binding with { Sid = default, UserSid = default }}");
            if (await _store.FindWebhookAsync(service.Sid, default) is { } webhook)
            {
                lines.Add(
                    $"webhook {service.Id} {webhook.Settings.PostUrl} {webhook.Position} {webhook.SecretGeneration} {webhook.Epoch}");
            }
            lines.Add($"notifications {service.Id} {await _store.FindNotificationsAsync(service.Sid, default)}");
        }
        foreach (var key in await _store.ListApiKeysAsync(default))
            lines.Add($"key {key}");
        foreach (var ended in (await _store.ListEndedSessionsAsync(0, 1000, default)).OrderBy(ended => $"{ended.Identity} {ended.Session}"))
            lines.Add($"ended {ended.Service} {ended.Identity} {ended.Session} {ended.Until}");
        // Of each service instance by itself: a batch publishes one after the other.
        lines.AddRange(_published.OrderBy(change => change.Service).ThenBy(change => change.Revision).Select(change => $"{change}"));
        return lines;
    }

    private Task Submit(WriterStep step, Seen seen)
    {
        var (a, b, c) = (step.A, step.B, step.C);
        var identity = Identity.FromTrusted(step.User);
        var key = new UserKey(identity);
        var bySid = new UserKey(seen.SidOf(identity));
        var service = b % 4 == 0 ? Fleeting : Lasting;
        return step.Act switch
        {
            WriterAct.Create or WriterAct.CreateAgain =>
                Send(new CreateUser(service, identity, $"name {c % 3}", "{}", default) { SkipsWebhooks = c % 2 == 0 }),
            WriterAct.Rename => Send(new UpdateUser(service, key, identity: null, "", new UserEdit($"name {c % 3}", null, null))),
            WriterAct.RenameBySid => Send(new UpdateUser(Lasting, bySid, identity, "", new UserEdit(null, $"{{\"a\":{c % 3}}}", null))),
            WriterAct.Delete => Send(new DeleteUser(service, key, c % 5 == 0 ? "wrong" : "")),
            WriterAct.DeleteBySid => Send(new DeleteUser(Fleeting, bySid, "")),
            WriterAct.Beat => _tracker.Beat(
                seen.Service, new UserRef(identity, Sid: null, MayCreate: c % 3 != 0), SessionId.FromTrusted($"s{b % 3}-{c}"), stream: null)
                .Stored ?? Task.CompletedTask,
            WriterAct.End => _tracker.EndSession(
                seen.Service, new UserRef(identity, Sid: null, MayCreate: false), seen.SessionOf(_tracker, identity)),
            WriterAct.Bind or WriterAct.TakeBinding => Send(new SetPushBinding(
                service, c % 2 == 0 ? key : bySid, BindingType.Fcm, $"endpoint {c % 3}", byEndUser: step.Act == WriterAct.TakeBinding)),
            WriterAct.Unbind => Send(new DeletePushBinding(Lasting, seen.BindingAt(a), c % 3 == 0 ? identity : null)),
            WriterAct.Configure => Send(new UpdateConfiguration(
                service, "", before => before with { AutoCreateUsers = c % 2 == 0, OfflineDebounce = TimeSpan.FromSeconds(1 + (c % 2)) })),
            WriterAct.RenameService => Send(new UpdateServiceInstance(service, $"service {c % 3}")),
            WriterAct.DeleteService => Send(new DeleteServiceInstance(Fleeting)),
            WriterAct.CreateService => Send(new CreateServiceInstance(Fleeting, $"fleeting {c}")),
            WriterAct.CreateKey => Send(new CreateApiKey(
                new ApiKeySid((UInt128)(1000 + seen.NextKey++)), Secret(c), $"key {c}", ApiKeyRole.Admin,
                a % 3 == 0 ? null : service, a % 2 == 0 ? $"name {c % 2}.example" : "")),
            WriterAct.RotateKey => Send(new RotateApiKey(seen.KeyAt(a), Secret(c), TimeSpan.FromHours(c % 2))),
            WriterAct.RevokeKey => Send(new RevokeApiKey(seen.KeyAt(a))),
            WriterAct.ActWithKey => Send(new UpdateServiceInstance(service, $"acted {c % 3}") { Actor = seen.KeyAt(a) }),
            WriterAct.SetWebhook => Send(new UpdateWebhookSettings(
                service, before => before with { PostUrl = c % 3 == 0 ? "" : $"https://{c % 3}.example" })),
            WriterAct.RotateWebhook => Send(new RotateWebhookSecret(service)),
            WriterAct.AdvanceWebhook => Send(new AdvanceWebhook(
                Lasting, seen.Service.Id, seen.Webhook ?? WebhookPosition.None, new WebhookPosition(c, c % 2 == 0 ? c : null))),
            WriterAct.Notify => Send(new UpdateNotificationSettings(service, before => before with { LogEnabled = c % 2 == 0 })),
            WriterAct.Switch => Send(new UpdateConfiguration(Lasting, "", before => before with { ReachabilityEnabled = c % 3 != 0 })),
            _ => throw new InvalidOperationException($"{step.Act} is not known."),
        };
    }

    private Task<T> Send<T>(Command<T> command) => _queue.SubmitAsync(command);

    private async Task<IReadOnlyList<string>> OutcomesOf(IReadOnlyList<Task> tasks)
    {
        while (_queue.Count > 0)
            Assert.NotEqual(WriteOutcome.Failed, _writer.WriteOnce());
        var outcomes = new List<string>();
        foreach (var task in tasks)
            outcomes.Add(await OutcomeOf(task));
        return outcomes;
    }

    private async Task<string> OutcomeOf(Task task)
    {
        while (_queue.Count > 0)
            Assert.NotEqual(WriteOutcome.Failed, _writer.WriteOnce());
        try
        {
            await task;
            return task is Task<UserState> user ? $"revision {user.Result.Revision}" : task is Task<bool> done ? $"{done.Result}" : "done";
        }
        catch (PresenceException error)
        {
            return $"{error.Reason}";
        }
    }

    /// <summary>Returns what a caller sees now.</summary>
    public async Task<Seen> LookAsync()
    {
        var users = (await _store.ListUsersAsync(Lasting, 0, 100, online: null, default)).Users;
        return new Seen(
            await _services.GetAsync(Lasting, default),
            users.ToDictionary(user => user.Identity, user => user.Sid),
            [.. (await _store.ListBindingsAsync(Lasting, BindingFilter.All, 0, 100, default)).Select(binding => binding.Sid)],
            [.. (await _store.ListApiKeysAsync(default)).Select(key => key.Sid)],
            (await _store.FindWebhookAsync(Lasting, default))?.Position);
    }

    private static ApiKeySecret Secret(int number) => new($"salt {number}", $"hash {number}");

    /// <summary>What a caller has seen before the batch.</summary>
    internal sealed class Seen(
        CachedService service,
        Dictionary<Identity, UserSid> users,
        List<BindingSid> bindings,
        List<ApiKeySid> keys,
        WebhookPosition? webhook)
    {
        public CachedService Service => service;

        public WebhookPosition? Webhook => webhook;

        public long NextKey { get; set; } = keys.Count == 0 ? 0 : (long)keys.Max(key => key.Value) - 999;

        public UserSid SidOf(Identity identity) => users.GetValueOrDefault(identity, Sample.UserSid(99));

        public BindingSid BindingAt(int number) => bindings.Count == 0 ? Sample.BindingSid(99) : bindings[number % bindings.Count];

        public ApiKeySid KeyAt(int number) => keys.Count == 0 ? new ApiKeySid(99) : keys[number % keys.Count];

        public SessionId SessionOf(PresenceTracker tracker, Identity identity)
        {
            var sessions = tracker.ListSessions(service, new UserRef(identity, Sid: null, MayCreate: false)).Sessions;
            return sessions.Count == 0 ? SessionId.FromTrusted("none") : SessionId.FromTrusted(sessions[0].Id.ToString());
        }
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Sample.Time;

        public override long GetTimestamp() => 0;
    }

    /// <summary>A published change.</summary>
    internal readonly record struct Published(
        long Service, long Revision, long Previous, Identity? User, UpdateReasons Reasons);
}
