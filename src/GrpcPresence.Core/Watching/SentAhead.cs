using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watch was sent in a newer state than its token says. If the watch reads the store from the token, their reasons count
/// from there. The limit of <see cref="PendingUsers"/> counts these users too: each of them was pending together with the user that holds
/// the token back.
/// </summary>
internal struct SentAhead
{
    private Dictionary<UserSid, SentUser>? _users; // null without users, which is the usual state of a watch

    public readonly int Count => _users?.Count ?? 0;

    public readonly SentUser? Find(UserSid sid) => _users is not null && _users.TryGetValue(sid, out var sent) ? sent : null;

    public void Note(UserSid sid, SentUser sent) => (_users ??= [])[sid] = sent;

    public void Remove(UserSid sid)
    {
        if (_users is not null && _users.Remove(sid) && _users.Count == 0)
            _users = null;
    }

    /// <summary>Removes the users that were sent up to the revision or below.</summary>
    public void RemoveUpTo(long revision)
    {
        if (_users is null)
            return;
        foreach (var (sid, sent) in _users)
        {
            if (sent.Revision <= revision)
                _users.Remove(sid);
        }
        if (_users.Count == 0)
            _users = null;
    }

    public void Clear() => _users = null;
}

/// <summary>What a watch was sent of a user.</summary>
/// <param name="Revision">Every change of the user up to this revision was sent.</param>
/// <param name="WasKnown">Whether reachability was known in the state that was sent. If it is null later, a switch took it away.</param>
internal readonly record struct SentUser(long Revision, bool WasKnown);
