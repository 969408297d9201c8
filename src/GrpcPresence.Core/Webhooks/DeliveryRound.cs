using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// One look at what is to be told: a page of users who changed, and then users whose events failed. In this order: when only one trial is let through,
/// it is not to be spent on somebody whom the receiver may never take.
/// </summary>
internal sealed class DeliveryRound(
    ServiceSid sid,
    DeliveryLedger ledger,
    Receiver receiver,
    IStoreReader store,
    Backoff backoff,
    PresenceMetrics metrics,
    TimeProvider time,
    Action<ServiceSid, UserSid> givenUp)
{
    /// <summary>The revision of the service instance when it was last read; 0 when it was not.</summary>
    public long Revision { get; private set; }

    private TimeSpan Now => time.GetElapsedTime(0);

    /// <summary>Tells, and returns how long to wait before the next round: zero for not at all, infinite for until something is new.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async Task<TimeSpan> RunAsync(CancellationToken cancellationToken)
    {
        // Else each commit would read a page of what cannot be told.
        if (receiver.Circuit.Wait is not { } closed)
            return Timeout.InfiniteTimeSpan; // the end of the trial wakes
        if (closed > TimeSpan.Zero)
            return closed;
        var isMoreChanged = await TellChangedAsync(cancellationToken).ConfigureAwait(false);
        var isMoreOwed = await TellOwedAsync(cancellationToken).ConfigureAwait(false);
        if (receiver.Circuit.Wait is not { } wait)
            return Timeout.InfiniteTimeSpan;
        if (isMoreChanged || isMoreOwed)
            return wait;
        if (ledger.NextDue is not { } due)
            return Timeout.InfiniteTimeSpan;
        due -= Now;
        return due > wait ? due : wait;
    }

    /// <summary>Tells of a page of users who changed; returns whether any are left.</summary>
    private async Task<bool> TellChangedAsync(CancellationToken cancellationToken)
    {
        if (ledger.IsFull)
            return false;
        var page = await store.ListChangesAsync(sid, ledger.Cursor, Limits.WebhookPageSize, cancellationToken).ConfigureAwait(false);
        NoteRead(page.Service);
        var results = await TellAsync([.. page.Changes.Select(change => EventsOfChanged(change.State))], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < results.Count; i++)
        {
            var user = page.Changes[i].State;
            if (user.IsDeleted || !ledger.IsOwed(user.Sid))
                Note(results[i]);
            ledger.Pass(page.Changes[i].Revision);
        }
        if (results.Count < page.Changes.Count || page.Changes.Count == Limits.WebhookPageSize)
            return true;
        ledger.ReachEnd(page.Service.Revision);
        return false;
    }

    /// <summary>Tries users again who are due, in the state in which they are now; returns whether any are left.</summary>
    private async Task<bool> TellOwedAsync(CancellationToken cancellationToken)
    {
        var due = ledger.DueAt(Now, Limits.WebhookPageSize);
        if (due.Count == 0)
            return false;
        var read = await store.FindUsersAsync(sid, [.. due.Select(user => new UserKey(user))], cancellationToken).ConfigureAwait(false);
        NoteRead(read.Service);
        foreach (var gone in due.Except(read.Users.Select(user => user.Sid)))
            ledger.Forget(gone);
        var results = await TellAsync([.. read.Users.Select(EventsOf)], cancellationToken).ConfigureAwait(false);
        foreach (var result in results)
            Note(result);
        return results.Count < read.Users.Count || due.Count == Limits.WebhookPageSize;
    }

    /// <summary>
    /// Tells, and returns what became of those who were begun. Of nobody, when the settings were changed before the users were read: these may have changed
    /// after that, and who passed them by the settings of before would have them not told at all, or at a URL that is not in force.
    /// </summary>
    private async Task<IReadOnlyList<UserResult>> TellAsync(IReadOnlyList<UserEvents> users, CancellationToken cancellationToken)
    {
        if (users.Count == 0)
            return [];
        var webhook = await store.FindWebhookAsync(sid, cancellationToken).ConfigureAwait(false);
        if (webhook?.Settings != receiver.Settings)
            return [];
        return await receiver.TellAsync(users, user => ledger.IsOwed(user.Sid), cancellationToken).ConfigureAwait(false);
    }

    // Of a deleted user there is nothing to tell, for the product has no such event; who is owed is tried when due, not before.
    private UserEvents EventsOfChanged(UserState user) =>
        user.IsDeleted || ledger.IsOwed(user.Sid) ? new UserEvents(user, UpdateReasons.None, UpdateReasons.None) : EventsOf(user);

    private UserEvents EventsOf(UserState user) => receiver.EventsOf(user, ledger.ReasonsOf(user.Record!));

    private void Note(UserResult result)
    {
        var user = result.Events.User;
        if (user.Record is not { } record)
            ledger.Forget(user.Sid);
        else if (result.HasFailed)
            Owe(record, result.IsCreationTold);
        else
            ledger.Settle(record);
    }

    private void Owe(UserRecord user, bool isCreationTold)
    {
        var owed = ledger.Owe(user, isCreationTold);
        var taken = receiver.Circuit.Taken;
        if (owed.Failures == 1 || taken > owed.TakenBefore)
            owed.FailuresAlive++;
        owed.TakenBefore = taken;
        owed.DueAt = Now + backoff.After(owed.Failures);
        if (owed.FailuresAlive < Limits.WebhookTries)
            return;
        ledger.Settle(user);
        metrics.WebhookSent(OutcomeNames.GivenUp);
        givenUp(sid, user.Sid);
    }

    private void NoteRead(ServiceRecord service)
    {
        if (service.Id != ledger.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(sid); // another has taken the SID
        Revision = service.Revision;
    }
}
