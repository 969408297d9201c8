using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Testing.Watching;

/// <summary>
/// A small and obviously right model of what a client may conclude from its watch, whatever that comes over. Every message is held against the promises; the
/// failure names the one that is broken.
/// </summary>
public sealed class WatchModel(WatchFilter filter, Truth truth)
{
    private readonly List<Bookmark> _bookmarks = [];
    private ImmutableDictionary<UserSid, Seen> _users = ImmutableDictionary<UserSid, Seen>.Empty;
    private bool _hasBegun;
    private bool _isReset;
    private bool _owesSnapshot;
    private bool _hadSnapshot;

    /// <summary>What is watched.</summary>
    public WatchFilter Filter => filter;

    /// <summary>The tokens so far, in their order.</summary>
    public IReadOnlyList<Bookmark> Bookmarks => _bookmarks;

    /// <summary>Whether <c>synced</c> came on this stream.</summary>
    public bool IsSynced { get; private set; }

    /// <summary>Whether a snapshot has begun on this stream and is not complete.</summary>
    public bool IsInSnapshot => _isReset;

    /// <summary>The last token; null while there is none.</summary>
    public ResumeToken? Token { get; private set; }

    /// <summary>Whether the watch began without a snapshot, so that the client knows nothing of before.</summary>
    public bool IsStartedNow { get; init; }

    /// <summary>A new stream begins, with a bookmark or without: the client knows what it knew then.</summary>
    public void Begin(Bookmark? from)
    {
        Restart();
        Token = from?.Token;
        _users = from?.Users ?? ImmutableDictionary<UserSid, Seen>.Empty;
        _hadSnapshot = from?.HadSnapshot ?? false;
        _owesSnapshot = false;
    }

    /// <summary>The stream broke off anywhere, and another takes its place: the client knows all that it was told, also since the last token.</summary>
    public void GoOn()
    {
        _owesSnapshot |= _isReset;
        Restart();
    }

    /// <summary>A message of the domain came.</summary>
    /// <exception cref="BrokenPromiseException">It breaks a promise.</exception>
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
                    Take(ToldUser.Of(update));
                break;
        }
        if (message.Token is { } token)
            Take(token);
    }

    /// <summary>The configuration came.</summary>
    public void TakeConfiguration() => _hasBegun = true;

    /// <summary>It was said that a snapshot follows.</summary>
    public void TakeReset()
    {
        RequireBegun();
        _users = _users.Clear();
        _isReset = true;
        _hadSnapshot = true;
        _owesSnapshot = false;
        IsSynced = false;
        Token = null;
    }

    /// <summary>The snapshot, or what was owed, is complete.</summary>
    public void TakeSynced()
    {
        RequireBegun();
        Require(!IsSynced, "Snapshot", "synced came twice");
        Require(!_owesSnapshot, "Snapshot", "a snapshot broke off, and did not begin again");
        IsSynced = true;
        _isReset = false;
    }

    /// <summary>One update came.</summary>
    public void Take(ToldUser user)
    {
        RequireBegun();
        Require(!_owesSnapshot, "Snapshot", $"a snapshot broke off, and {user.Identity} comes before it begins again");
        Require(IsWatched(user.Sid, user.Identity), "Snapshot", $"{user.Identity} is not watched");
        var known = _users.GetValueOrDefault(user.Sid);
        Require(known is null || known.User.Revision <= user.Revision, "Ordered", $"{user.Identity} went from {known?.User.Revision} to {user.Revision}");
        Require(known is null || known.User.Row <= user.Row, "Ordered", $"{user.Identity}'s row went back");

        if (_isReset)
            Require(user.Reasons == UpdateReasons.None && !user.IsDeleted, "Snapshot", $"{user.Identity} has reasons");
        else
            RequireReasons(user, known);
        _users = user.IsDeleted ? _users.Remove(user.Sid) : _users.SetItem(user.Sid, new Seen(user, user.Row));
    }

    /// <summary>A token came: everything before it has been taken in.</summary>
    public void Take(ResumeToken token)
    {
        RequireBegun();
        Require(!_isReset, "Bookmarkable", "there is a token between reset and synced");
        Require(token.Base <= token.Position, "Bookmarkable", "the base is beyond the position");
        Require(token.Position <= truth.Revision, "Bookmarkable", $"the token {token.Position} is beyond revision {truth.Revision}");
        // Everything up to the token was delivered: whoever last changed before it is known with that change, or was deleted.
        foreach (var (sid, identity) in truth.Everybody)
        {
            if (KnowsNothingOfBefore || !IsWatched(sid, identity))
                continue;
            var due = truth.LastChange(sid, filter.Reasons, token.Base);
            if (due == 0 || truth.IsDeleted(sid))
                continue;
            var told = _users.GetValueOrDefault(sid)?.Told ?? -1;
            Require(told >= due, "Bookmarkable", $"the token {token.Base}/{token.Position} passes {identity}'s change {due}; told up to {told}");
        }
        Token = token;
        _bookmarks.Add(new Bookmark(token, _users, _hadSnapshot));
    }

    /// <summary>What the client knows must be what is stored, as far as it is shown.</summary>
    public void RequireTruth(IReadOnlyList<UserState> stored)
    {
        Require(IsSynced, "Convergent", "the watch does not come to synced");
        if (KnowsNothingOfBefore)
            return;
        var watched = stored.Where(user => IsWatched(user.Sid, user.Identity)).ToDictionary(user => user.Sid);
        foreach (var (sid, seen) in _users)
            Require(watched.ContainsKey(sid), "Convergent", $"{seen.User.Identity} {sid} is gone, and the client does not know");
        foreach (var user in watched.Values)
        {
            if (_users.TryGetValue(user.Sid, out var seen))
                RequireTruth(user, seen.User);
            else
                // A filter without CREATED may never have been told of the user.
                Require((user.Record!.ReasonsSince(0) & filter.Reasons) == 0, "Convergent", $"{user.Identity} was never sent");
        }
    }

    private bool KnowsNothingOfBefore => IsStartedNow && !_hadSnapshot;

    private void Restart()
    {
        _hasBegun = false;
        _isReset = false;
        IsSynced = false;
    }

    private void RequireTruth(UserState stored, ToldUser told)
    {
        var shows = filter.View;
        var online = filter.Reasons.HasFlag(UpdateReasons.ReachabilityOnline) && shows != UserView.Basic;
        Require(!online || told.IsOnline == stored.IsOnline, "Convergent", $"{stored.Identity} is_online {told.IsOnline}, stored {stored.IsOnline}");
        var notifiable = filter.Reasons.HasFlag(UpdateReasons.ReachabilityNotifiable) && shows != UserView.Basic;
        Require(!notifiable || told.IsNotifiable == stored.IsNotifiable, "Convergent", $"{stored.Identity} is_notifiable {told.IsNotifiable}");
        var named = filter.Reasons.HasFlag(UpdateReasons.FriendlyName) && shows != UserView.Reachability;
        Require(!named || told.FriendlyName == stored.Record!.FriendlyName, "Convergent", $"{stored.Identity} friendly_name {told.FriendlyName}");
    }

    private void RequireReasons(ToldUser user, Seen? known)
    {
        Require(user.Reasons != UpdateReasons.None, "Reasoned", $"{user.Identity} has no reasons");
        if (user.IsDeleted)
        {
            Require(user.Reasons.HasFlag(UpdateReasons.Deleted), "Reasoned", $"{user.Identity} is deleted for another reason");
            return;
        }
        Require((user.Reasons & ~filter.Reasons) == 0, "Reasoned", $"{user.Identity} has reasons that were not asked for: {user.Reasons}");
        // Of a user whom the client was never told of, the filter may have held changes back; of the others, nothing may be left out.
        var owed = known is null ? UpdateReasons.None : truth.ReasonsBetween(user.Sid, known.Told, user.Row) & filter.Reasons;
        Require((owed & ~user.Reasons) == 0, "Reasoned", $"{user.Identity} lacks {owed & ~user.Reasons} of {owed}, told up to {known?.Told}");
        var changed = truth.ReasonsBetween(user.Sid, 0, user.Row) | UpdateReasons.Reachability;
        Require((user.Reasons & ~changed) == 0, "Reasoned", $"{user.Identity} has {user.Reasons}, and only {changed} ever changed");
        if (known is not null && known.User.IsOnline != user.IsOnline && filter.Reasons.HasFlag(UpdateReasons.ReachabilityOnline))
            Require(user.Reasons.HasFlag(UpdateReasons.ReachabilityOnline), "Reasoned", $"{user.Identity} changed is_online without the reason");
    }

    private void RequireBegun() => Require(_hasBegun, "Registered", "the first message is not configuration");

    private bool IsWatched(UserSid sid, Identity identity) =>
        filter.IsEverybody || filter.Keys.Contains(new UserKey(sid)) || filter.Keys.Contains(new UserKey(identity));

    private static void Require(bool holds, string promise, string how)
    {
        if (!holds)
            throw new BrokenPromiseException(promise, how);
    }
}
