using System.Collections.Concurrent;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>
/// A watch whose updates are checked against what a program may conclude from them:
/// <list type="bullet">
/// <item>What a user was before an update is what the update before it said. So no update is missing.</item>
/// <item>Each update shows something new. So no update is raised twice for one change.</item>
/// <item>After an interruption each reason is that of a difference. So no reason is raised twice for one change.</item>
/// <item>Users that always exist are always known. So the state is never half a snapshot.</item>
/// <item>What a reader of the updates gets leads to the same state.</item>
/// </list>
/// </summary>
internal sealed class ObservedWatch : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, PresenceUser> _expected = [];
    private readonly Dictionary<string, PresenceUser> _read = [];
    private readonly IReadOnlyList<string> _permanent;
    private readonly ConcurrentQueue<string> _violations = [];
    private readonly ConcurrentQueue<UserUpdate> _updates = [];
    private Task _reading = Task.CompletedTask;
    private TaskCompletionSource _changed = NewSource();

    private ObservedWatch(IUserWatch watch, IReadOnlyList<string> permanent) => (Watch, _permanent) = (watch, permanent);

    /// <summary>Opens a watch, and observes it from its first moment.</summary>
    /// <param name="client">The client.</param>
    /// <param name="options">What to watch; everybody by default.</param>
    /// <param name="permanent">Identities of users that exist all the time.</param>
    public static async Task<ObservedWatch> OpenAsync(
        PresenceClient client, WatchOptions? options = null, IReadOnlyList<string>? permanent = null)
    {
        ObservedWatch? observed = null;
        await Barrier.Within(
            client.WatchAsync(
                options ?? WatchOptions.Everybody, watch => (observed = new(watch, permanent ?? [])).Begin(), CancellationToken.None),
            "the watch was synced");
        return observed!;
    }

    public IUserWatch Watch { get; }

    /// <summary>The updates so far.</summary>
    public IReadOnlyList<UserUpdate> Updates => [.. _updates];

    /// <summary>The updates so far as text, such as "bob: ReachabilityOnline".</summary>
    public IReadOnlyList<string> Texts =>
        [.. _updates.Select(update => $"{update.User.Identity}: {string.Join(", ", update.UpdateReasons)}")];

    /// <summary>Waits until the watch is live and knows these users, exactly as they are.</summary>
    public async Task ConvergeAsync(IReadOnlyDictionary<string, PresenceUser> truth)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (Watch.State == WatchState.Live && IsEqual(Watch.Users, truth))
                break;
            try
            {
                await Barrier.Within(changed, "the watch knew the true state");
            }
            catch (TimeoutException)
            {
                var users = Watch.Users;
                var wrong = users.Keys.Union(truth.Keys)
                    .Where(identity => users.GetValueOrDefault(identity) != truth.GetValueOrDefault(identity))
                    .Select(identity => $"{identity}: known {users.GetValueOrDefault(identity)}, true {truth.GetValueOrDefault(identity)}");
                Assert.Fail($"Convergent: {Watch.State}; {string.Join("; ", wrong)}; updates {string.Join("; ", Texts)}");
            }
        }
        Check();
    }

    /// <summary>Waits until a condition holds that changes with updates or with the state of the watch.</summary>
    public async Task UntilAsync(Func<bool> holds, string what)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (holds())
                return;
            await Barrier.Within(changed, what);
        }
    }

    /// <summary>Requires that no rule was broken.</summary>
    public void Check() => Assert.Empty(_violations);

    public async ValueTask DisposeAsync()
    {
        await Watch.DisposeAsync();
        await Barrier.Within(_reading, "the reader of updates got to the end");
        // Both ways lead to what the watch knows at the end, as far as a program can see.
        Assert.Equal(Visible(Watch.Users), Visible(_expected));
        Assert.Equal(Visible(Watch.Users), Visible(_read));
        Check();
    }

    /// <summary>Returns what a program sees of users, without revisions.</summary>
    public static IEnumerable<PresenceUser> Visible(IEnumerable<KeyValuePair<string, PresenceUser>> users) =>
        users.Select(entry => Visible(entry.Value)).OrderBy(user => user.Identity, StringComparer.Ordinal);

    private static PresenceUser Visible(PresenceUser user) => user with { Revision = 0, ETag = "", UpdateTime = null };

    // Reachability that is switched off and on again gives users a greater revision, and shows nothing new of them.
    private static bool IsEqual(IReadOnlyDictionary<string, PresenceUser> a, IReadOnlyDictionary<string, PresenceUser> b) =>
        a.Count == b.Count
        && a.All(entry => b.TryGetValue(entry.Key, out var other) && entry.Value with { Revision = 0 } == other with { Revision = 0 });

    private void Begin()
    {
        var updates = Watch.ReadUpdatesAsync();
        Watch.StateChanged += TakeFirstState;
        Watch.StateChanged += (_, _) => Change();
        Watch.Updated += (_, update) => Take(update);
        _reading = Task.Run(() => ReadAsync(updates));
    }

    // The first snapshot is a state, and no update. It is complete, and nothing follows it yet.
    private void TakeFirstState(object? sender, EventArgs args)
    {
        Watch.StateChanged -= TakeFirstState;
        foreach (var (identity, user) in Watch.Users)
            (_expected[identity], _read[identity]) = (user, user);
    }

    private void Take(UserUpdate update)
    {
        _updates.Enqueue(update);
        var identity = update.User.Identity;
        var expected = _expected.GetValueOrDefault(identity);
        var previous = update.Previous;
        if ((expected is null ? null : Visible(expected)) != (previous is null ? null : Visible(previous)))
        {
            _violations.Enqueue($"Missing: {identity} was {expected}, but the update {Text(update)} follows {previous}");
        }
        if (update.UpdateReasons.Count == 0)
            _violations.Enqueue($"Reasoned: {identity} has no reason");
        if (previous is not null && update.User.Sid == previous.Sid && !update.IsDeleted && update.User.Revision <= previous.Revision
            && Visible(update.User) == Visible(previous))
        {
            _violations.Enqueue($"Twice: {Text(update)} repeats {previous}");
        }
        // A live watch may see a change and the way back in one update.
        if (Watch.State != WatchState.Live && previous is not null && update.User.Sid == previous.Sid && !update.IsDeleted)
        {
            foreach (var reason in update.UpdateReasons.Where(reason => !Differs(reason, previous, update.User)))
                _violations.Enqueue($"Twice: {reason} of {Text(update)} is known already from {previous}");
        }
        if (update.UpdateReasons.Contains(UpdateReason.Created) && previous is not null)
            _violations.Enqueue($"Twice: {identity} was created, but was known already");
        if (update.IsDeleted)
            _expected.TryRemove(identity, out _);
        else
            _expected[identity] = update.User;
        var users = Watch.Users;
        foreach (var permanent in _permanent.Where(permanent => !users.ContainsKey(permanent)))
            _violations.Enqueue($"Half a snapshot: {permanent} is missing");
        Change();
    }

    private async Task ReadAsync(IAsyncEnumerable<UserUpdate> updates)
    {
        await foreach (var update in updates)
        {
            var known = _read.GetValueOrDefault(update.User.Identity);
            if (known?.Sid is { } sid && update.Previous is null)
                _violations.Enqueue($"Missing: the reader knows {sid}, but {Text(update)} follows nothing");
            if (update.IsDeleted)
                _read.Remove(update.User.Identity);
            else
                _read[update.User.Identity] = update.User;
        }
    }

    private static bool Differs(UpdateReason reason, PresenceUser before, PresenceUser after) => reason switch
    {
        UpdateReason.FriendlyName => before.FriendlyName != after.FriendlyName,
        UpdateReason.Attributes => before.Attributes != after.Attributes,
        UpdateReason.Role => before.RoleSid != after.RoleSid,
        UpdateReason.ReachabilityOnline => before.IsOnline != after.IsOnline || before.LastOnlineTime != after.LastOnlineTime,
        UpdateReason.ReachabilityNotifiable => before.IsNotifiable != after.IsNotifiable,
        _ => true,
    };

    private void Change() => Interlocked.Exchange(ref _changed, NewSource()).TrySetResult();

    private static string Text(UserUpdate update) => $"[{string.Join(", ", update.UpdateReasons)}] {update.User}";

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
