using System.Collections.Immutable;
using GrpcPresence.Core.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>
/// A small and obviously right model of what a client may conclude from its watch. Every message is held against the promises; the failure names
/// the one that is broken.
/// </summary>
internal sealed class SimulatedClient(WatchFilter filter, Truth truth)
{
    private readonly List<Bookmark> _bookmarks = [];
    private ImmutableDictionary<UserSid, Seen> _users = ImmutableDictionary<UserSid, Seen>.Empty;
    private WatchEvent? _last;
    private bool _isSynced;
    private bool _isReset;

    public WatchFilter Filter => filter;

    public IReadOnlyList<Bookmark> Bookmarks => _bookmarks;

    public bool IsSynced => _isSynced;

    public ResumeToken? Token { get; private set; }

    public IReadOnlyDictionary<UserSid, Seen> Users => _users;

    /// <summary>Whether the watch began without a snapshot, so that the client knows nothing of before.</summary>
    public bool IsStartedNow { get; init; }

    /// <summary>A new stream begins, with a bookmark or without.</summary>
    public void Begin(Bookmark? from)
    {
        _last = null;
        _isSynced = false;
        _isReset = false;
        Token = from?.Token;
        _users = from?.Users ?? ImmutableDictionary<UserSid, Seen>.Empty;
    }

    public void Take(WatchEvent message)
    {
        Require(_last is not null || message is WatchEvent.ConfigurationChanged, "Registered", "the first message is not configuration");
        switch (message)
        {
            case WatchEvent.Reset:
                _users = _users.Clear();
                _isReset = true;
                _isSynced = false;
                Token = null;
                break;
            case WatchEvent.Synced:
                Require(!_isSynced, "Snapshot", "synced came twice");
                _isSynced = true;
                _isReset = false;
                break;
            case WatchEvent.Updates updates:
                Require(updates.Users.Count > 0, "Reasoned", "a message of updates is empty");
                foreach (var update in updates.Users)
                    Take(update);
                break;
        }
        if (message.Token is { } token)
            Take(token);
        _last = message;
    }

    /// <summary>What the client knows must be what is stored.</summary>
    public void RequireTruth(IReadOnlyList<UserState> stored)
    {
        var watched = stored.Where(user => IsWatched(user.Sid, user.Identity)).ToDictionary(user => user.Sid);
        foreach (var (sid, seen) in _users)
            Require(watched.ContainsKey(sid), "Convergent", $"{seen.State.Identity} {sid} is gone, and the client does not know");
        foreach (var user in watched.Values)
        {
            if (!_users.TryGetValue(user.Sid, out var seen))
            {
                // A filter without CREATED may never have been told of the user.
                Require((user.Record!.ReasonsSince(0) & filter.Reasons) == 0, "Convergent", $"{user.Identity} was never sent");
                continue;
            }
            var online = filter.Reasons.HasFlag(UpdateReasons.ReachabilityOnline);
            Require(!online || seen.State.IsOnline == user.IsOnline, "Convergent", $"{user.Identity} is_online {seen.State.IsOnline}, stored {user.IsOnline}");
            var notifiable = filter.Reasons.HasFlag(UpdateReasons.ReachabilityNotifiable);
            Require(!notifiable || seen.State.IsNotifiable == user.IsNotifiable, "Convergent", $"{user.Identity} is_notifiable {seen.State.IsNotifiable}");
            var named = filter.Reasons.HasFlag(UpdateReasons.FriendlyName);
            Require(!named || seen.State.Record!.FriendlyName == user.Record!.FriendlyName, "Convergent", $"{user.Identity} friendly_name");
        }
    }

    private void Take(UserUpdate update)
    {
        var state = update.State;
        Require(IsWatched(state.Sid, state.Identity), "Snapshot", $"{state.Identity} is not watched");
        var known = _users.GetValueOrDefault(state.Sid);
        Require(known is null || known.State.Revision <= state.Revision, "Ordered", $"{state.Identity} went from {known?.State.Revision} to {state.Revision}");
        Require(known is null || (known.State.Record?.Revision ?? 0) <= (state.Record?.Revision ?? long.MaxValue), "Ordered", $"{state.Identity}'s row went back");

        if (_isReset)
            Require(update.Reasons == UpdateReasons.None && !state.IsDeleted, "Snapshot", $"{state.Identity} has reasons");
        else
            RequireReasons(update, known);

        var row = state.Record?.Revision ?? state.Revision;
        _users = state.IsDeleted ? _users.Remove(state.Sid) : _users.SetItem(state.Sid, new Seen(state, row));
    }

    private void RequireReasons(UserUpdate update, Seen? known)
    {
        var state = update.State;
        Require(update.Reasons != UpdateReasons.None, "Reasoned", $"{state.Identity} has no reasons");
        if (state.IsDeleted)
        {
            Require(update.Reasons.HasFlag(UpdateReasons.Deleted), "Reasoned", $"{state.Identity} is deleted for another reason");
            return;
        }
        Require((update.Reasons & ~filter.Reasons) == 0, "Reasoned", $"{state.Identity} has reasons that were not asked for: {update.Reasons}");
        // Of a user whom the client was never told of, the filter may have held changes back; of the others, nothing may be left out.
        var owed = known is null ? UpdateReasons.None : truth.ReasonsBetween(state.Sid, known.Told, state.Record!.Revision) & filter.Reasons;
        Require((owed & ~update.Reasons) == 0, "Reasoned", $"{state.Identity} lacks {owed & ~update.Reasons} of {owed}, told up to {known?.Told}");
        var changed = truth.ReasonsBetween(state.Sid, 0, state.Record!.Revision) | UpdateReasons.Reachability;
        Require((update.Reasons & ~changed) == 0, "Reasoned", $"{state.Identity} has {update.Reasons}, and only {changed} ever changed");
        if (known is not null && known.State.IsOnline != state.IsOnline && filter.Reasons.HasFlag(UpdateReasons.ReachabilityOnline))
            Require(update.Reasons.HasFlag(UpdateReasons.ReachabilityOnline), "Reasoned", $"{state.Identity} changed is_online without the reason");
    }

    private void Take(ResumeToken token)
    {
        Require(!_isReset, "Bookmarkable", "there is a token between reset and synced");
        Require(token.Base <= token.Position, "Bookmarkable", "the base is beyond the position");
        Require(token.Position <= truth.Revision, "Bookmarkable", $"the token {token.Position} is beyond revision {truth.Revision}");
        // Everything up to the token was delivered: whoever last changed before it is known with that change, or was deleted.
        foreach (var (sid, identity) in truth.Everybody)
        {
            if (IsStartedNow || !IsWatched(sid, Identity.FromTrusted(identity)))
                continue;
            var due = truth.LastChange(sid, filter.Reasons, token.Base);
            if (due == 0 || truth.IsDeleted(sid))
                continue;
            var told = _users.GetValueOrDefault(sid)?.Told ?? -1;
            Require(told >= due, "Bookmarkable", $"the token {token.Base}/{token.Position} passes {identity}'s change {due}; told up to {told}");
        }
        Token = token;
        _bookmarks.Add(new Bookmark(token, _users));
    }

    private bool IsWatched(UserSid sid, Identity identity) =>
        filter.IsEverybody || filter.Keys.Contains(new UserKey(sid)) || filter.Keys.Contains(new UserKey(identity));

    private static void Require(bool holds, string promise, string how)
    {
        if (!holds)
            throw new BrokenPromise(promise, how);
    }
}
