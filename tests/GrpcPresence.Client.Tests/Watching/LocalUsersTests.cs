using GrpcPresence.Client.Watching;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Tests.Watching;

/// <summary>Tests what a watch concludes from the messages of the server.</summary>
public sealed class LocalUsersTests
{
    private readonly LocalUsers _users = new(UserView.Full, []);
    private int _tokens;

    [Fact]
    public void The_first_snapshot_is_a_state_and_raises_nothing()
    {
        var changes = Snapshot(User("ada", 1, online: true));

        Assert.Empty(changes);
        Assert.True(_users.Users["ada"].IsOnline);
    }

    [Fact]
    public void The_state_is_never_half_a_snapshot()
    {
        Snapshot(User("ada", 1), User("bob", 2));

        Reset();
        Take(Update(User("ada", 1)));

        Assert.Equal(["ada", "bob"], _users.Users.Keys.Order());
    }

    [Fact]
    public void A_snapshot_that_breaks_leaves_the_state_and_the_next_one_begins_without_a_token()
    {
        Snapshot(User("ada", 1), User("bob", 2));
        Reset();
        Take(Update(User("cay", 3)));

        _users.BeginStream();

        Assert.Equal("", _users.ResumeToken);
        Assert.Equal(["ada", "bob"], _users.Users.Keys.Order());
        var changes = Snapshot(User("ada", 1), User("bob", 2));
        Assert.Empty(changes);
        Assert.Equal(["ada", "bob"], _users.Users.Keys.Order());
    }

    [Fact]
    public void A_reset_raises_what_differs_and_what_is_gone()
    {
        Snapshot(User("ada", 10, online: true), User("bob", 11, name: "Bob"), User("cay", 12), User("dan", 13));
        _users.BeginStream();

        // The revisions are those of a backup.
        var changes = Snapshot(
            User("ada", 3, online: false), User("bob", 4, name: "Robert"), User("cay", 5), User("eve", 6, online: true));

        Assert.Equal(
            ["dan: Deleted", "ada: ReachabilityOnline", "bob: FriendlyName", "eve: Created, ReachabilityOnline"],
            changes.Select(Text).OrderBy(text => text.EndsWith("Deleted", StringComparison.Ordinal) ? 0 : 1).ThenBy(text => text));
        Assert.Equal(3, _users.Users["ada"].Revision);
        Assert.False(_users.Users["ada"].IsOnline);
    }

    [Fact]
    public void A_reset_shows_a_user_with_the_identity_of_another_as_a_deletion_and_a_creation()
    {
        Snapshot(User("ada", 1, sid: "US1"));
        _users.BeginStream();

        var changes = Snapshot(User("ada", 5, sid: "US2"));

        Assert.Equal(["ada: Deleted", "ada: Created"], changes.Select(Text));
        Assert.Null(changes[1].Previous);
    }

    [Fact]
    public void A_user_that_was_online_and_is_offline_again_has_changed()
    {
        Snapshot(User("ada", 1, online: false, lastOnline: 100));
        _users.BeginStream();

        var changes = Snapshot(User("ada", 3, online: false, lastOnline: 200));

        Assert.Equal(["ada: ReachabilityOnline"], changes.Select(Text));
    }

    [Fact]
    public void An_update_that_is_known_already_is_not_raised_again()
    {
        Snapshot(User("ada", 1));
        Take(Update(User("ada", 2, online: true), UpdateReason.ReachabilityOnline));
        _users.BeginStream();

        var repeated = Take(Update(User("ada", 2, online: true), UpdateReason.ReachabilityOnline));

        Assert.Empty(repeated);
    }

    [Fact]
    public void An_update_that_a_live_watch_repeats_is_not_raised_again()
    {
        // A server whose queue has overflowed reads again what it sent already.
        Snapshot(User("ada", 1));
        Assert.Single(Take(Update(User("ada", 2, online: true), UpdateReason.ReachabilityOnline)));

        Assert.Empty(Take(Update(User("ada", 2, online: true), UpdateReason.ReachabilityOnline)));
    }

    [Fact]
    public void A_resume_that_repeats_a_reason_raises_only_what_is_new()
    {
        Snapshot(User("ada", 1, name: ""));
        Take(Update(User("ada", 2, online: true), UpdateReason.ReachabilityOnline));
        _users.BeginStream();

        var resumed = Take(Update(
            User("ada", 3, online: true, name: "Ada"), UpdateReason.Created, UpdateReason.FriendlyName, UpdateReason.ReachabilityOnline));

        Assert.Equal(["ada: FriendlyName"], resumed.Select(Text));
    }

    [Fact]
    public void A_resume_that_shows_the_same_state_raises_nothing_and_keeps_the_revision()
    {
        Snapshot(User("ada", 1, online: true));
        _users.BeginStream();

        // Offline and online again, while the client was away.
        Assert.Empty(Take(Update(User("ada", 3, online: true), UpdateReason.ReachabilityOnline)));

        Assert.Equal(3, _users.Users["ada"].Revision);
    }

    [Fact]
    public void A_change_and_back_on_a_live_watch_is_raised()
    {
        Snapshot(User("ada", 1, online: true));

        var changes = Take(Update(User("ada", 3, online: true), UpdateReason.ReachabilityOnline));

        Assert.Equal(["ada: ReachabilityOnline"], changes.Select(Text));
    }

    [Fact]
    public void A_deletion_of_a_user_that_is_not_known_is_not_raised()
    {
        Snapshot(User("ada", 5, sid: "US2"));

        // The identity was taken over while the client was away.
        Assert.Empty(Take(Update(User("ada", 4, sid: "US1"), UpdateReason.Deleted)));

        Assert.Equal("US2", _users.Users["ada"].Sid);
    }

    [Fact]
    public void A_deletion_is_raised_once_with_what_was_known()
    {
        Snapshot(User("ada", 1, online: true, name: "Ada"));

        var change = Assert.Single(Take(Update(User("ada", 4), UpdateReason.Deleted)));
        Assert.Empty(Take(Update(User("ada", 4), UpdateReason.Deleted)));

        Assert.Equal("Ada", change.Previous!.FriendlyName);
        Assert.Equal((4, null), (change.User.Revision, change.User.IsOnline));
        Assert.Empty(_users.Users);
    }

    [Fact]
    public void A_snapshot_raises_only_the_reasons_that_the_watch_asks_for()
    {
        var users = new LocalUsers(UserView.Full, [UpdateReason.ReachabilityOnline]);
        Take(users, Snap(User("ada", 1, online: true), User("bob", 2)));
        users.BeginStream();

        var changes = Take(users, Snap(User("ada", 5, online: false, name: "Ada"), User("bob", 6, name: "Bob")));

        Assert.Equal(["ada: ReachabilityOnline"], changes.Select(Text));
        Assert.Equal("Bob", users.Users["bob"].FriendlyName);
    }

    [Theory]
    [InlineData(null, null, new UpdateReason[0], "eve: Created")]
    [InlineData(true, null, new UpdateReason[0], "eve: Created, ReachabilityOnline")]
    [InlineData(false, false, new UpdateReason[0], "eve: Created, ReachabilityOnline, ReachabilityNotifiable")]
    [InlineData(true, true, new[] { UpdateReason.ReachabilityOnline }, "eve: ReachabilityOnline")]
    [InlineData(true, true, new[] { UpdateReason.ReachabilityNotifiable }, "eve: ReachabilityNotifiable")]
    [InlineData(true, null, new[] { UpdateReason.ReachabilityNotifiable }, null)]
    [InlineData(null, null, new[] { UpdateReason.FriendlyName }, null)]
    public void A_reset_raises_a_new_user_with_the_reasons_that_the_server_would_have_sent(
        bool? online, bool? notifiable, UpdateReason[] reasons, string? expected)
    {
        var users = new LocalUsers(UserView.Full, reasons);
        Take(users, Snap());
        users.BeginStream();
        var eve = User("eve", 6, online, name: "Eve");
        if (notifiable is { } value)
            eve.IsNotifiable = value;

        var changes = Take(users, Snap(eve));

        Assert.Equal(expected is null ? [] : [expected], changes.Select(Text));
        Assert.True(users.Users["eve"].Exists);
    }

    [Fact]
    public void The_token_is_that_of_the_last_message_that_has_one()
    {
        Snapshot(User("ada", 1));
        Assert.Equal("t1", _users.ResumeToken);

        Take(Update(User("ada", 2), UpdateReason.FriendlyName));
        Take(new WatchUsersResponse { Configuration = new Configuration { ReachabilityEnabled = true } });

        Assert.Equal("t2", _users.ResumeToken);
        Assert.True(_users.IsReachabilityEnabled);
        Reset();
        Assert.Equal("", _users.ResumeToken);
    }

    [Fact]
    public void The_switch_of_reachability_changes_together_with_the_users()
    {
        Take(Switch(on: true));
        Assert.False(_users.IsReachabilityEnabled);
        Snapshot(User("ada", 1, online: true));
        Assert.True(_users.IsReachabilityEnabled);

        _users.BeginStream();
        Take(Switch(on: false));
        Assert.True(_users.IsReachabilityEnabled);
        Snapshot(User("ada", 1));
        Assert.False(_users.IsReachabilityEnabled);

        Take(Switch(on: true));
        Assert.True(_users.IsReachabilityEnabled);
    }

    [Fact]
    public void The_switch_of_reachability_of_a_stream_that_breaks_does_not_count()
    {
        Snapshot(User("ada", 1));
        _users.BeginStream();
        Take(Switch(on: true));

        _users.BeginStream();
        Take(new WatchUsersResponse { Synced = new WatchSynced() });

        Assert.False(_users.IsReachabilityEnabled);
    }

    [Fact]
    public void The_users_of_one_message_change_together()
    {
        Snapshot(User("ada", 1), User("bob", 2));
        var before = _users.Users;

        Take(new WatchUsersResponse
        {
            Updates = new WatchUpdates
            {
                Updates =
                {
                    new V1.UserUpdate { User = User("ada", 3, online: true), UpdateReasons = { UpdateReason.ReachabilityOnline } },
                    new V1.UserUpdate { User = User("bob", 4, online: true), UpdateReasons = { UpdateReason.ReachabilityOnline } },
                },
            },
        });

        Assert.All(before.Values, user => Assert.Null(user.IsOnline));
        Assert.All(_users.Users.Values, user => Assert.True(user.IsOnline));
    }

    private static string Text(UserUpdate update) => $"{update.User.Identity}: {string.Join(", ", update.UpdateReasons)}";

    private static User User(
        string identity, long revision, bool? online = null, string name = "", string? sid = null, long lastOnline = 0)
    {
        var user = new User { Identity = identity, Sid = sid ?? $"US-{identity}", Revision = revision, FriendlyName = name };
        if (online is { } value)
            user.IsOnline = value;
        if (lastOnline > 0)
            user.LastOnlineTime = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = lastOnline };
        return user;
    }

    private static IEnumerable<WatchUsersResponse> Snap(params User[] users)
    {
        yield return new WatchUsersResponse { Reset = new WatchReset { Reason = ResetReason.Initial } };
        foreach (var user in users)
            yield return new WatchUsersResponse { Updates = new WatchUpdates { Updates = { new V1.UserUpdate { User = user } } } };
        yield return new WatchUsersResponse { Synced = new WatchSynced() };
    }

    private static List<UserUpdate> Take(LocalUsers users, IEnumerable<WatchUsersResponse> messages) =>
        [.. messages.SelectMany(users.Take)];

    private WatchUsersResponse Update(User user, params UpdateReason[] reasons) => new()
    {
        Updates = new WatchUpdates { Updates = { new V1.UserUpdate { User = user, UpdateReasons = { reasons } } } },
        ResumeToken = reasons.Length > 0 ? $"t{++_tokens}" : "",
    };

    private static WatchUsersResponse Switch(bool on) => new() { Configuration = new Configuration { ReachabilityEnabled = on } };

    private void Reset() => _users.Take(new WatchUsersResponse { Reset = new WatchReset { Reason = ResetReason.TimelineChanged } });

    private IReadOnlyList<UserUpdate> Take(WatchUsersResponse message) => _users.Take(message);

    private List<UserUpdate> Snapshot(params User[] users) =>
        [.. Take(_users, Snap(users)), .. _users.Take(new WatchUsersResponse { Progress = new(), ResumeToken = $"t{++_tokens}" })];
}
