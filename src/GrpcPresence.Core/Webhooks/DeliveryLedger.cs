using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Who was told what, for one service instance. The store keeps one number, <see cref="Position"/>; this keeps the rest, for as long as the process lives.
/// Holds no clock, waits for nothing and sends nothing. Used by one delivering loop, and by one thread at a time.
/// </summary>
/// <remarks>
/// A scan reads users by the revision of their row, and a row shows only the last change of each property. So a position in the middle of a scan says
/// nothing of the users above it, who may owe older changes too: only when a scan has seen the last row of a moment (<see cref="Base"/>) is everything up
/// to that moment told, but for the users who are owed.
/// </remarks>
/// <param name="serviceId">The store's key of the service instance.</param>
/// <param name="position">The stored position.</param>
internal sealed class DeliveryLedger(long serviceId, long position)
{
    private readonly Dictionary<UserSid, OwedUser> _owed = [];
    private readonly Dictionary<UserSid, long> _told = []; // users told since the base, and up to which revision

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId => serviceId;

    /// <summary>Up to this revision all users but the owed ones are told.</summary>
    public long Base { get; private set; } = position;

    /// <summary>The revision of the last row that the scan has passed.</summary>
    public long Cursor { get; private set; } = position;

    /// <summary>The highest revision at which a restart may begin: nothing at or below it is owed.</summary>
    public long Position => _owed.Count == 0 ? Base : Math.Min(Base, _owed.Values.Min(owed => owed.FirstOwed) - 1);

    /// <summary>Whether so many users are owed that no others are to be tried before some of them are done with.</summary>
    public bool IsFull => _owed.Count >= Limits.OwedWebhookUsers;

    /// <summary>The owed users to try at the time, those first that are due first.</summary>
    public IReadOnlyList<UserSid> DueAt(TimeSpan now, int limit) =>
        [.. _owed.Where(entry => entry.Value.DueAt <= now).OrderBy(entry => entry.Value.DueAt).Take(limit).Select(entry => entry.Key)];

    /// <summary>When the next owed user is due; null when none is owed.</summary>
    public TimeSpan? NextDue => _owed.Count == 0 ? null : _owed.Values.Min(owed => owed.DueAt);

    /// <summary>Whether the user is owed.</summary>
    public bool IsOwed(UserSid user) => _owed.ContainsKey(user);

    /// <summary>What the receiver was not told of the user yet, without what webhooks are not told of.</summary>
    public UpdateReasons ReasonsOf(UserRecord user)
    {
        var owed = _owed.GetValueOrDefault(user.Sid);
        var reasons = user.ReasonsSince(BaseOf(user, owed)) & ~user.QuietReasons;
        return owed is { IsCreationTold: true } ? reasons & ~UpdateReasons.Created : reasons;
    }

    /// <summary>The user was told up to the revision of the row, or nothing was to be told, or it was given up.</summary>
    public void Settle(UserRecord user)
    {
        _owed.Remove(user.Sid);
        if (user.Revision <= Base)
            return;
        // Whoever is forgotten here and changes again in the same scan is told some reasons twice, and misses none.
        if (_told.Count >= Limits.ToldWebhookUsers)
            _told.Clear();
        _told[user.Sid] = user.Revision;
    }

    /// <summary>Telling of the user failed. The caller says when to try again, or settles the user.</summary>
    public OwedUser Owe(UserRecord user, bool isCreationTold)
    {
        if (!TryGetOwed(user.Sid, out var owed))
            _owed[user.Sid] = owed = new OwedUser { Base = BaseOf(user, owed: null) };
        owed.IsCreationTold |= isCreationTold;
        owed.FirstOwed = user.FirstRevisionSince(owed.Base, ReasonsOf(user));
        owed.Failures++;
        return owed;
    }

    /// <summary>Other receivers take the place of those that failed: what is owed is owed to them, from the first try on.</summary>
    public void ForgetFailures()
    {
        foreach (var owed in _owed.Values)
            (owed.Failures, owed.FailuresAlive, owed.TakenBefore, owed.DueAt) = (0, 0, 0, TimeSpan.Zero);
    }

    /// <summary>The user does not exist any more: there is nothing to tell.</summary>
    public void Forget(UserSid user) => _owed.Remove(user);

    /// <summary>The scan has passed the row: its user was told, or is owed.</summary>
    public void Pass(long revision) => Cursor = revision;

    /// <summary>The scan has passed the last row that there was at the revision.</summary>
    public void ReachEnd(long revision)
    {
        Base = revision;
        Cursor = revision;
        _told.Clear();
    }

    private bool TryGetOwed(UserSid user, [NotNullWhen(true)] out OwedUser? owed) => _owed.TryGetValue(user, out owed);

    private long BaseOf(UserRecord user, OwedUser? owed) => owed?.Base ?? _told.GetValueOrDefault(user.Sid, Base);
}
