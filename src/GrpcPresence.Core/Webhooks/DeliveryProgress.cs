using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// What the endpoint of one service instance has received. The store keeps <see cref="Position"/>; this class keeps the rest in memory. It
/// has no clock, waits for nothing and sends nothing. One delivery loop uses it, from one thread at a time.
/// </summary>
/// <remarks>
/// A scan reads users by the revision of their row, and a row shows only the last change of each property. A user above the cursor may
/// therefore have undelivered changes below it, and a position in the middle of a scan proves nothing about that user. Only a scan that has
/// read the last row of a moment (<see cref="Base"/>) proves that everything up to that moment is delivered, except for the pending users.
/// The end of an on-period changes what is visible of users and touches no row. So it starts a sweep: every user that was known in that
/// period is sent once, in its newest state. A sweep is independent of the scan, because both send the newest state.
/// </remarks>
/// <param name="serviceId">The store's key of the service instance.</param>
/// <param name="position">The stored position.</param>
internal sealed class DeliveryProgress(long serviceId, WebhookPosition position)
{
    private readonly Dictionary<UserSid, PendingDelivery> _pending = [];
    private readonly Dictionary<UserSid, long> _delivered = []; // users delivered since the base, with the revision of the delivered row

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId => serviceId;

    /// <summary>All changes up to this revision are delivered, except those of the pending users.</summary>
    public long Base { get; private set; } = position.Revision;

    /// <summary>The revision of the last row that the scan has processed.</summary>
    public long Cursor { get; private set; } = position.Revision;

    /// <summary>The start of the on-period whose reachability the endpoint may have received; null if reachability was off.</summary>
    public long? KnownSince { get; private set; } = position.KnownSince;

    /// <summary>The rest of the sweep in progress, without the pending users; null without a sweep.</summary>
    public WebhookSweep? Sweep { get; private set; } = position.Sweep;

    /// <summary>The position from which a restart may continue: everything before it is delivered.</summary>
    public WebhookPosition Position => new(
        _pending.Count == 0 ? Base : Math.Min(Base, _pending.Values.Min(pending => pending.FirstRevision) - 1),
        KnownSince,
        _pending.Values.Select(pending => pending.Sweep).Aggregate(Sweep, (rest, failed) => failed?.With(rest) ?? rest));

    /// <summary>Whether so many users are pending that a scan must not add more before some of them are done.</summary>
    public bool IsFull => _pending.Count >= Limits.MaxPendingWebhookUsers;

    /// <summary>The earliest time at which a pending user is due; null when no user is pending.</summary>
    public TimeSpan? NextDue => _pending.Count == 0 ? null : _pending.Values.Min(pending => pending.DueAt);

    /// <summary>Returns the pending users to retry at this time, the earliest due first.</summary>
    public IReadOnlyList<UserSid> DueAt(TimeSpan now, int limit) =>
        [.. _pending.Where(entry => entry.Value.DueAt <= now).OrderBy(entry => entry.Value.DueAt).Take(limit).Select(entry => entry.Key)];

    /// <summary>Whether events of the user failed and wait for a retry.</summary>
    public bool IsPending(UserSid user) => _pending.ContainsKey(user);

    /// <summary>
    /// Returns the changes of the user that the endpoint has not received, without those made by edits that skip webhooks.
    /// </summary>
    public UpdateReasons ReasonsOf(UserRecord user)
    {
        var pending = _pending.GetValueOrDefault(user.Sid);
        var reasons = (user.ReasonsSince(BaseOf(user, pending)) & ~user.QuietReasons) | SweptReasons(user, pending?.Sweep);
        // An event with the same state but fewer reasons has the same idempotency token. So the endpoint would drop the sweep's event.
        if (Sweep?.AfterId < user.Id)
            reasons |= SweptReasons(user, Sweep);
        return pending is { IsCreationDelivered: true } ? reasons & ~UpdateReasons.Created : reasons;
    }

    /// <summary>
    /// Compares the on-period with the one whose reachability the endpoint may have received. Every read of users must pass its
    /// configuration here before their events are sent: otherwise a period could end unnoticed.
    /// </summary>
    public void EnterPeriod(long? period)
    {
        if (period == KnownSince)
            return;
        if (KnownSince is { } ended)
            Sweep = new WebhookSweep(ended, AfterId: 0).With(Sweep);
        KnownSince = period;
    }

    /// <summary>Moves the sweep past a user that is complete or pending.</summary>
    public void MarkSwept(long userId) => Sweep = Sweep! with { AfterId = userId };

    /// <summary>Ends the sweep after its last user.</summary>
    public void CompleteSweep() => Sweep = null;

    /// <summary>Makes the next attempt for a pending user include the reasons of a sweep.</summary>
    public void AddSweep(UserRecord user, WebhookSweep sweep)
    {
        var pending = _pending[user.Sid];
        pending.Sweep = (sweep with { AfterId = user.Id - 1 }).With(pending.Sweep);
    }

    /// <summary>
    /// Records that this row of the user needs no more events: they were delivered, none was necessary, or they were given up.
    /// </summary>
    public void Complete(UserRecord user)
    {
        _pending.Remove(user.Sid);
        if (user.Revision <= Base)
            return;
        // A user that is cleared here and changes again in the same scan is sent some reasons twice. No reason is lost.
        if (_delivered.Count >= Limits.MaxDeliveredWebhookUsers)
            _delivered.Clear();
        _delivered[user.Sid] = user.Revision;
    }

    /// <summary>
    /// Records an incomplete delivery. The caller counts failures, and sets when to retry or completes the user to give up.
    /// </summary>
    public PendingDelivery ScheduleRetry(UserRecord user, bool isCreationDelivered)
    {
        if (!TryGetPending(user.Sid, out var pending))
            _pending[user.Sid] = pending = new PendingDelivery { Base = BaseOf(user, pending: null) };
        pending.IsCreationDelivered |= isCreationDelivered;
        NoteChange(user);
        return pending;
    }

    /// <summary>
    /// Makes a restart deliver this row of a pending user, which the scan passes over. A user that is pending only because of a sweep has
    /// no undelivered change until then.
    /// </summary>
    public void NoteChange(UserRecord user)
    {
        var pending = _pending[user.Sid];
        pending.FirstRevision = user.FirstRevisionSince(pending.Base, ReasonsOf(user));
    }

    /// <summary>
    /// Makes all pending users due at once and forgets their failures, because another endpoint takes over and has failed nothing.
    /// </summary>
    public void ResetFailures()
    {
        foreach (var pending in _pending.Values)
            (pending.Failures, pending.FailuresWhileUp, pending.TakenAtLastFailure, pending.DueAt) = (0, 0, 0, TimeSpan.Zero);
    }

    /// <summary>Removes a user that was deleted.</summary>
    public void Remove(UserSid user) => _pending.Remove(user);

    /// <summary>Moves the cursor past a row whose user is complete or pending.</summary>
    public void MarkScanned(long revision) => Cursor = revision;

    /// <summary>Ends a scan that has processed the last row that existed at the revision.</summary>
    public void CompleteScan(long revision)
    {
        Base = revision;
        Cursor = revision;
        _delivered.Clear();
    }

    /// <summary>
    /// Returns the reasons of an event that a sweep sends. After the data went back, the endpoint may have received any other state, so all
    /// properties are named.
    /// </summary>
    private static UpdateReasons SweptReasons(UserRecord user, WebhookSweep? sweep)
    {
        if (sweep is null || !sweep.Covers(user))
            return UpdateReasons.None;
        if (sweep.IsOfEveryone)
            return UpdateReasons.All & ~(UpdateReasons.Created | UpdateReasons.Deleted);
        return user.WasNotifiableKnown ? UpdateReasons.Reachability : UpdateReasons.ReachabilityOnline;
    }

    private bool TryGetPending(UserSid user, [NotNullWhen(true)] out PendingDelivery? pending) => _pending.TryGetValue(user, out pending);

    private long BaseOf(UserRecord user, PendingDelivery? pending) => pending?.Base ?? _delivered.GetValueOrDefault(user.Sid, Base);
}

/// <summary>A user whose events failed and wait for a retry.</summary>
internal sealed class PendingDelivery
{
    /// <summary>The revision up to which the endpoint has received this user's changes. Reasons are counted from it.</summary>
    public required long Base { get; init; }

    /// <summary>
    /// The first revision that is not delivered, below which a restart must continue; <see cref="long.MaxValue"/> if only a sweep failed.
    /// </summary>
    public long FirstRevision { get; set; }

    /// <summary>The part of a sweep that a restart must repeat for this user; null if only changes of the row failed.</summary>
    public WebhookSweep? Sweep { get; set; }

    /// <summary>Whether the creation was delivered, and only later changes failed.</summary>
    public bool IsCreationDelivered { get; set; }

    /// <summary>The number of failed attempts.</summary>
    public int Failures { get; set; }

    /// <summary>The number of failed attempts before which the endpoint took an event of another user, so that it was not down.</summary>
    public int FailuresWhileUp { get; set; }

    /// <summary>How many events the endpoint had taken at the last failure.</summary>
    public long TakenAtLastFailure { get; set; }

    /// <summary>When to retry, on the monotonic clock.</summary>
    public TimeSpan DueAt { get; set; }
}
