using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The users that a watch was sent in a newer state than its token says, each with the revision of that state. If the watch reads the store
/// from the token, their reasons count from there. The limit of <see cref="PendingUsers"/> counts these users too: each of them was pending
/// together with the user that holds the token back.
/// </summary>
internal struct SentAhead
{
    private Dictionary<UserSid, long>? _upTo; // null without users, which is the usual state of a watch

    public readonly int Count => _upTo?.Count ?? 0;

    public readonly long? Find(UserSid sid) => _upTo is not null && _upTo.TryGetValue(sid, out var revision) ? revision : null;

    public void Note(UserSid sid, long revision) => (_upTo ??= [])[sid] = revision;

    public void Remove(UserSid sid)
    {
        if (_upTo is not null && _upTo.Remove(sid) && _upTo.Count == 0)
            _upTo = null;
    }

    /// <summary>Removes the users that were sent up to the revision or below.</summary>
    public void RemoveUpTo(long revision)
    {
        if (_upTo is null)
            return;
        foreach (var (sid, sent) in _upTo)
        {
            if (sent <= revision)
                _upTo.Remove(sid);
        }
        if (_upTo.Count == 0)
            _upTo = null;
    }

    public void Clear() => _upTo = null;
}
