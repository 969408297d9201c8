using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>
/// A simple model of what a client may conclude from its watch, whatever the protocol. Checks every message against the promises; the
/// failure names the broken promise.
/// </summary>
public sealed class WatchModel(WatchFilter filter, Truth truth)
{
    private readonly List<Bookmark> _bookmarks = [];
    private readonly HashSet<UserSid> _sent = []; // the users whose last update came on this stream
    private ImmutableDictionary<UserSid, Seen> _users = ImmutableDictionary<UserSid, Seen>.Empty;
    private bool _hasBegun;
    private bool _isConfiguredAgain; // since the stream began
    private bool _isReset;
    private bool _isSnapshotIncomplete;
    private bool _hadSnapshot;

    /// <summary>The filter of the watch.</summary>
    public WatchFilter Filter => filter;

    /// <summary>The tokens so far, in order.</summary>
    public IReadOnlyList<Bookmark> Bookmarks => _bookmarks;

    /// <summary>Whether this stream has received <c>synced</c>.</summary>
    public bool IsSynced { get; private set; }

    /// <summary>Whether a snapshot has begun on this stream and is not complete.</summary>
    public bool IsInSnapshot => _isReset;

    /// <summary>The last token, or null.</summary>
    public ResumeToken? Token { get; private set; }

    /// <summary>Whether the watch began without a snapshot, so that the client knows nothing from before.</summary>
    public bool IsStartedNow { get; init; }

    /// <summary>Whether the server may send a reason twice on one stream, because it holds fewer users than it needs.</summary>
    public bool MayRepeat { get; init; }

    /// <summary>
    /// Whether the server misses no commit. If it reads one from the store while it sends what a switch changed, a reason may come twice.
    /// </summary>
    public bool HasNoGaps { get; init; }

    /// <summary>Begins a new stream, with or without a bookmark. The client knows what it knew at the bookmark.</summary>
    public void Begin(Bookmark? from)
    {
        Restart();
        Token = from?.Token;
        _users = from?.Users ?? ImmutableDictionary<UserSid, Seen>.Empty;
        _hadSnapshot = from?.HadSnapshot ?? false;
        _isSnapshotIncomplete = false;
    }

    /// <summary>
    /// Continues on another stream after an interruption. The client knows everything that it received, even after the last token.
    /// </summary>
    public void GoOn()
    {
        _isSnapshotIncomplete |= _isReset;
        Restart();
    }

    /// <summary>Handles a message of the domain.</summary>
    /// <exception cref="BrokenPromiseException">The message breaks a promise.</exception>
    public void Take(WatchEvent message)
    {
        switch (message)
        {
            case WatchEvent.ConfigurationChanged:
                TakeConfiguration();
                break;
            case WatchEvent.Reset:
                TakeReset();
                break;
            case WatchEvent.Synced:
                TakeSynced();
                break;
            case WatchEvent.Updates updates:
                Require(updates.Users.Count > 0, "Reasoned", "a message of updates is empty");
                foreach (var update in updates.Users)
                    Take(ReceivedUser.Of(update));
                break;
        }
        if (message.Token is { } token)
            Take(token);
    }

    /// <summary>Handles the configuration.</summary>
    public void TakeConfiguration()
    {
        _isConfiguredAgain |= _hasBegun;
        _hasBegun = true;
    }

    /// <summary>Handles the announcement of a snapshot.</summary>
    public void TakeReset()
    {
        RequireBegun();
        _users = _users.Clear();
        _isReset = true;
        _hadSnapshot = true;
        _isSnapshotIncomplete = false;
        IsSynced = false;
        Token = null;
    }

    /// <summary>Handles the end of the snapshot or of the catch-up.</summary>
    public void TakeSynced()
    {
        RequireBegun();
        Require(!IsSynced, "Snapshot", "the stream sent synced twice");
        Require(!_isSnapshotIncomplete, "Snapshot", "a snapshot was interrupted and did not begin again");
        IsSynced = true;
        _isReset = false;
    }

    /// <summary>Handles one update.</summary>
    public void Take(ReceivedUser user)
    {
        RequireBegun();
        Require(!_isSnapshotIncomplete, "Snapshot", $"a snapshot was interrupted, and {user.Identity} comes before it begins again");
        Require(IsWatched(user.Sid, user.Identity), "Snapshot", $"{user.Identity} is not watched");
        var known = _users.GetValueOrDefault(user.Sid);
        Require(
            known is null || known.User.Revision <= user.Revision,
            "Ordered",
            $"{user.Identity} went from {known?.User.Revision} to {user.Revision}");
        Require(known is null || known.User.Row <= user.Row, "Ordered", $"{user.Identity}'s row went back");

        if (_isReset)
            Require(user.Reasons == UpdateReasons.None && !user.IsDeleted, "Snapshot", $"{user.Identity} has reasons");
        else
            RequireReasons(user, known);
        _sent.Add(user.Sid);
        _users = user.IsDeleted ? _users.Remove(user.Sid) : _users.SetItem(user.Sid, new Seen(user, user.Row));
    }

    /// <summary>Handles a token. Everything before it has been handled.</summary>
    public void Take(ResumeToken token)
    {
        RequireBegun();
        Require(!_isReset, "Bookmarkable", "a token came between reset and synced");
        Require(token.Base <= token.Position, "Bookmarkable", "the base is beyond the position");
        Require(token.Position <= truth.Revision, "Bookmarkable", $"the token {token.Position} is beyond revision {truth.Revision}");
        // Everything up to the token was delivered: the client knows each user with the last change before it, or knows that the user was
        // deleted.
        foreach (var (sid, identity) in truth.Everybody)
        {
            if (KnowsNothingOfBefore || !IsWatched(sid, identity))
                continue;
            var due = truth.LastChange(sid, filter.Reasons, token.Base);
            if (due == 0 || truth.IsDeleted(sid))
                continue;
            var received = _users.GetValueOrDefault(sid)?.ReceivedUpTo ?? -1;
            Require(
                received >= due,
                "Bookmarkable",
                $"the token {token.Base}/{token.Position} passes {identity}'s change {due}; received up to {received}");
        }
        Token = token;
        _bookmarks.Add(new Bookmark(token, _users, _hadSnapshot));
    }

    /// <summary>Requires that what the client knows is stored, as far as the filter shows it.</summary>
    public void RequireTruth(IReadOnlyList<UserState> stored)
    {
        Require(IsSynced, "Convergent", "the watch did not send synced");
        if (KnowsNothingOfBefore)
            return;
        var watched = stored.Where(user => IsWatched(user.Sid, user.Identity)).ToDictionary(user => user.Sid);
        foreach (var (sid, seen) in _users)
            Require(watched.ContainsKey(sid), "Convergent", $"{seen.User.Identity} {sid} is deleted, and the client does not know it");
        foreach (var user in watched.Values)
        {
            if (_users.TryGetValue(user.Sid, out var seen))
                RequireTruth(user, seen.User);
            else
                // With a filter without CREATED, the client may never have received the user.
                Require((user.Record!.ReasonsSince(0) & filter.Reasons) == 0, "Convergent", $"{user.Identity} was never sent");
        }
    }

    private bool KnowsNothingOfBefore => IsStartedNow && !_hadSnapshot;

    private void Restart()
    {
        _hasBegun = false;
        _isConfiguredAgain = false;
        _isReset = false;
        _sent.Clear();
        IsSynced = false;
    }

    private void RequireTruth(UserState stored, ReceivedUser received)
    {
        var shows = filter.View;
        var online = filter.Reasons.HasFlag(UpdateReasons.ReachabilityOnline) && shows != UserView.Basic;
        Require(
            !online || received.IsOnline == stored.IsOnline,
            "Convergent",
            $"{stored.Identity} is_online {received.IsOnline}, stored {stored.IsOnline}");
        var notifiable = filter.Reasons.HasFlag(UpdateReasons.ReachabilityNotifiable) && shows != UserView.Basic;
        Require(
            !notifiable || received.IsNotifiable == stored.IsNotifiable,
            "Convergent",
            $"{stored.Identity} is_notifiable {received.IsNotifiable}");
        var named = filter.Reasons.HasFlag(UpdateReasons.FriendlyName) && shows != UserView.Reachability;
        Require(
            !named || received.FriendlyName == stored.Record!.FriendlyName,
            "Convergent",
            $"{stored.Identity} friendly_name {received.FriendlyName}");
    }

    private void RequireReasons(ReceivedUser user, Seen? known)
    {
        Require(user.Reasons != UpdateReasons.None, "Reasoned", $"{user.Identity} has no reasons");
        RequireNoRepetition(user, known);
        if (user.IsDeleted)
        {
            Require(user.Reasons.HasFlag(UpdateReasons.Deleted), "Reasoned", $"{user.Identity} is deleted, but the reasons lack DELETED");
            return;
        }
        Require((user.Reasons & ~filter.Reasons) == 0, "Reasoned", $"{user.Identity} has reasons outside the filter: {user.Reasons}");
        // For a user that the client never received, the filter may have held changes back. For other users, no change may be missing.
        var expected = known is null ? UpdateReasons.None : truth.ReasonsBetween(user.Sid, known.ReceivedUpTo, user.Row) & filter.Reasons;
        Require(
            (expected & ~user.Reasons) == 0,
            "Reasoned",
            $"{user.Identity} lacks {expected & ~user.Reasons} of {expected}, received up to {known?.ReceivedUpTo}");
        var changed = truth.ReasonsBetween(user.Sid, 0, user.Row) | UpdateReasons.Reachability;
        Require((user.Reasons & ~changed) == 0, "Reasoned", $"{user.Identity} has {user.Reasons}, but only {changed} ever changed");
        if (known is null)
            return;
        RequireNamed(known.User.IsOnline != user.IsOnline, UpdateReasons.ReachabilityOnline, "is_online");
        RequireNamed(known.User.IsNotifiable != user.IsNotifiable, UpdateReasons.ReachabilityNotifiable, "is_notifiable");
        RequireNamed(known.User.FriendlyName != user.FriendlyName, UpdateReasons.FriendlyName, "friendly_name");

        void RequireNamed(bool isChanged, UpdateReasons reason, string property) => Require(
            !isChanged || !filter.Reasons.HasFlag(reason) || user.Reasons.HasFlag(reason),
            "Reasoned",
            $"{user.Identity} changed {property} without the reason");
    }

    /// <summary>Requires that each reason has a change that no earlier update of this stream had.</summary>
    private void RequireNoRepetition(ReceivedUser user, Seen? known)
    {
        if (MayRepeat || (_isConfiguredAgain && !HasNoGaps) || !_sent.Contains(user.Sid))
            return;
        Require(known is not null, "Reasoned", $"{user.Identity} is deleted twice");
        if (user.IsDeleted)
            return;
        var changed = truth.ReasonsBetween(user.Sid, known!.ReceivedUpTo, user.Row);
        // A switch changes what is visible, and no row.
        if (known.User.IsOnline is not null && user.IsOnline is null && truth.IsSwitchedBetween(known.User.Revision, user.Revision))
            changed |= UpdateReasons.Reachability;
        Require(
            (user.Reasons & ~changed) == UpdateReasons.None,
            "Reasoned",
            $"{user.Identity} repeats {user.Reasons & ~changed} at {user.Row}, received up to {known.ReceivedUpTo}");
    }

    private void RequireBegun() => Require(_hasBegun, "Registered", "the first message is not configuration");

    private bool IsWatched(UserSid sid, Identity identity) =>
        filter.WatchesAllUsers || filter.Keys.Contains(new UserKey(sid)) || filter.Keys.Contains(new UserKey(identity));

    private static void Require(bool holds, string promise, string how)
    {
        if (!holds)
            throw new BrokenPromiseException(promise, how);
    }
}
