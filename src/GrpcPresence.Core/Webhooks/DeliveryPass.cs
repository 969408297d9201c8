using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Delivers what the endpoint of one service instance has not received, and keeps the progress from one pass to the next. Each pass reads
/// the changes from the store, so a user that changes several times while the endpoint is slow or down is sent once, in the newest state.
/// </summary>
/// <remarks>
/// One pass:
/// 1. Read the settings. Without a URL the progress is discarded, and the pass returns null.
/// 2. While the circuit breaker is open, return its delay. Otherwise each commit would read a page of changes that cannot be sent.
/// 3. Scan: read the next page of changed users above the cursor, and send their events. Users whose events fail become pending.
/// 4. Sweep: after an on-period ended or the data went back, read the next page of users by key, and send their newest state.
/// 5. Retry: read the pending users that are due, and send their events in the newest state. Step 3 comes first: a half-open breaker admits
///    one trial request, which must not be spent on a user whose events the endpoint may never take.
/// 6. Store the position from which a restart continues.
/// </remarks>
internal sealed class DeliveryPass(
    ServiceSid sid,
    WebhookEndpoint endpoint,
    IStoreReader store,
    CommandQueue queue,
    Resumption resumption,
    Backoff backoff,
    TimeProvider time,
    Action<ServiceSid, UserSid> givenUp)
{
    private DeliveryProgress? _progress;
    private WebhookPosition? _stored; // as the last pass read it
    private WebhookPosition? _submitted; // as the last pass asked to store it; whether that happened may be unknown
    private volatile bool _isClosed;
    private volatile bool _mustForget;
    private long _position; // for metrics
    private long _revision; // for metrics

    /// <summary>The position that the last pass reached. Safe from any thread.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <summary>
    /// The revision of the service instance when it was last read, or 0. No commit announces changes from before a restart. Safe from any
    /// thread.
    /// </summary>
    public long Revision => Volatile.Read(ref _revision);

    /// <summary>Forbids to store any further position, because another node may hold the home shard. Called by any thread.</summary>
    public void Close() => _isClosed = true;

    /// <summary>Makes the next pass continue from the stored position, because the data may have gone back. Called by any thread.</summary>
    public void ForgetProgress() => _mustForget = true;

    private TimeSpan Now => time.GetElapsedTime(0);

    /// <summary>
    /// Runs one pass. Returns the delay before the next: zero for none, infinite until the loop is woken. Returns null when the service
    /// instance has no URL or does not exist.
    /// </summary>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    /// <exception cref="OperationCanceledException">
    /// The token was cancelled. Interrupted events are sent again after the next start.
    /// </exception>
    public async Task<TimeSpan?> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            endpoint.MarkCurrent();
            if (await store.FindWebhookAsync(sid, cancellationToken).ConfigureAwait(false) is { Settings.PostUrl.Length: > 0 } webhook)
                return await RunAsync(webhook, cancellationToken).ConfigureAwait(false);
        }
        catch (PresenceException error) when (error.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            // Deleted while the pass ran.
        }
        _progress = null;
        return null;
    }

    private async Task<TimeSpan> RunAsync(StoredWebhook webhook, CancellationToken cancellationToken)
    {
        var progress = ProgressOf(webhook);
        if (endpoint.Apply(webhook))
            progress.ResetFailures();
        var delay = await DeliverAsync(progress, cancellationToken).ConfigureAwait(false);
        var reached = progress.Position;
        Volatile.Write(ref _position, reached.Revision);
        if (reached != webhook.Position && !_isClosed)
            await StorePositionAsync(webhook, reached).ConfigureAwait(false);
        return delay;
    }

    /// <summary>
    /// Returns the progress, or a new one when the store holds a position that this process did not write: another URL was set, or another
    /// service instance took the SID.
    /// </summary>
    private DeliveryProgress ProgressOf(StoredWebhook webhook)
    {
        if (_mustForget)
            (_mustForget, _progress) = (false, null);
        var isOwn = webhook.Position == _stored || webhook.Position == _submitted;
        if (_progress is not { } progress || progress.ServiceId != webhook.ServiceId || !isOwn)
            _progress = new DeliveryProgress(webhook.ServiceId, webhook.Position);
        (_stored, _submitted) = (webhook.Position, null);
        return _progress;
    }

    /// <summary>Steps 2 to 5.</summary>
    private async Task<TimeSpan> DeliverAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        if (endpoint.Breaker.Delay is not { } openFor)
            return Timeout.InfiniteTimeSpan; // the end of the trial request wakes the loop
        if (openFor > TimeSpan.Zero)
            return openFor;
        var isScanIncomplete = await ScanAsync(progress, cancellationToken).ConfigureAwait(false);
        await SweepAsync(progress, cancellationToken).ConfigureAwait(false);
        var isRetryIncomplete = await RetryAsync(progress, cancellationToken).ConfigureAwait(false);
        if (endpoint.Breaker.Delay is not { } delay)
            return Timeout.InfiniteTimeSpan;
        if (endpoint.IsDeferred && delay < Limits.WebhookDeferral)
            delay = Limits.WebhookDeferral;
        if (isScanIncomplete || isRetryIncomplete || (progress.Sweep is not null && !progress.IsFull))
            return delay;
        if (progress.NextDue is not { } due)
            return Timeout.InfiniteTimeSpan;
        due -= Now;
        return due > delay ? due : delay;
    }

    /// <summary>Sends the events of one page of changed users; returns whether more users have changed.</summary>
    private async Task<bool> ScanAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        if (progress.IsFull)
            return false;
        var page = await store.ListChangesAsync(sid, progress.Cursor, Limits.WebhookPageSize, cancellationToken).ConfigureAwait(false);
        RecordRead(page.Service, progress);
        var events = page.Changes.Select(change => ReadEvents(change.State, progress)).ToArray();
        var results = await SendAsync(events, isRetry: false, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < results.Count; i++)
        {
            var user = page.Changes[i].State;
            if (user.IsDeleted || !progress.IsPending(user.Sid))
                Record(results[i], progress);
            else
                progress.NoteChange(user.Record!);
            progress.MarkScanned(page.Changes[i].Revision);
        }
        if (results.Count < page.Changes.Count || page.HasMore)
            return true;
        progress.CompleteScan(page.Service.Revision);
        return false;
    }

    /// <summary>Sends the newest state of one page of the users that the sweep covers.</summary>
    private async Task SweepAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        if (progress.IsFull || progress.Sweep is not { } sweep)
            return;
        // All rows, whatever the scan has reached: a user that is read here in its newest state may be read again by the scan.
        var page = sweep.IsOfEveryone
            ? await store.ListUsersAsync(sid, sweep.AfterId, Limits.WebhookPageSize, online: null, cancellationToken).ConfigureAwait(false)
            : await store.ListKnownUsersAsync(
                sid, sweep.AfterId, Limits.WebhookPageSize, sweep.KnownSince, long.MaxValue, cancellationToken).ConfigureAwait(false);
        RecordRead(page.Service, progress);
        if (progress.Sweep != sweep)
            return; // another period has ended, so the sweep starts again
        var events = page.Users.Select(user => ReadEvents(user, progress)).ToArray();
        var results = await SendAsync(events, isRetry: false, cancellationToken).ConfigureAwait(false);
        foreach (var result in results)
        {
            var user = result.User.Record!;
            if (progress.IsPending(user.Sid))
                progress.AddSweep(user, sweep);
            else
                Record(result, progress, sweep);
            progress.MarkSwept(user.Id);
        }
        if (results.Count < page.Users.Count)
            return;
        if (page.Next is { } next)
            progress.MarkSwept(next);
        else
            progress.CompleteSweep();
    }

    /// <summary>Sends the events of pending users that are due; returns whether more users are due.</summary>
    private async Task<bool> RetryAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        var due = progress.DueAt(Now, Limits.WebhookPageSize);
        if (due.Count == 0)
            return false;
        var read = await store.FindUsersAsync(sid, [.. due.Select(user => new UserKey(user))], cancellationToken).ConfigureAwait(false);
        RecordRead(read.Service, progress);
        foreach (var deleted in due.Except(read.Users.Select(user => user.Sid)))
            progress.Remove(deleted);
        var events = read.Users.Select(user => EventsOf(user, progress)).ToArray();
        var results = await SendAsync(events, isRetry: true, cancellationToken).ConfigureAwait(false);
        foreach (var result in results)
            Record(result, progress);
        return results.Count < read.Users.Count || due.Count == Limits.WebhookPageSize;
    }

    /// <summary>
    /// Sends the events, or none when the settings changed before the users were read. Such users may include changes from after the new
    /// settings: under the old filters their events would be skipped, and under the old URL they would reach the wrong endpoint.
    /// </summary>
    private async Task<IReadOnlyList<UserResult>> SendAsync(UserEvents[] users, bool isRetry, CancellationToken cancellationToken)
    {
        if (users.Length == 0)
            return [];
        var webhook = await store.FindWebhookAsync(sid, cancellationToken).ConfigureAwait(false);
        if (webhook?.Settings != endpoint.Settings || webhook.Signer != endpoint.Signer)
            return [];
        return await endpoint.DeliverAsync(users, isRetry, cancellationToken).ConfigureAwait(false);
    }

    // Twilio Conversations has no event for a deletion. A pending user is retried when it is due, not when it changes again.
    private UserEvents ReadEvents(UserState user, DeliveryProgress progress) =>
        user.IsDeleted || progress.IsPending(user.Sid)
            ? new UserEvents(user, UpdateReasons.None, UpdateReasons.None)
            : EventsOf(user, progress);

    private UserEvents EventsOf(UserState user, DeliveryProgress progress) => endpoint.EventsOf(user, progress.ReasonsOf(user.Record!));

    private void Record(UserResult result, DeliveryProgress progress, WebhookSweep? sweep = null)
    {
        if (result.User.Record is not { } record)
            progress.Remove(result.User.Sid);
        else if (result.IsIncomplete)
            ScheduleRetry(record, result, progress, sweep);
        else
            progress.Complete(record);
    }

    private void ScheduleRetry(UserRecord user, UserResult result, DeliveryProgress progress, WebhookSweep? sweep)
    {
        var pending = progress.ScheduleRetry(user, result.IsCreationDelivered);
        if (sweep is not null)
            progress.AddSweep(user, sweep);
        if (result.Outcome == WebhookOutcome.Deferred)
        {
            pending.DueAt = Now + Limits.WebhookDeferral;
            return;
        }
        pending.Failures++;
        var taken = endpoint.Breaker.TakenCount;
        if (pending.Failures == 1 || taken > pending.TakenAtLastFailure)
            pending.FailuresWhileUp++;
        pending.TakenAtLastFailure = taken;
        pending.DueAt = Now + backoff.After(pending.Failures);
        if (pending.FailuresWhileUp < Limits.WebhookTries)
            return;
        progress.Complete(user);
        endpoint.CountGivenUp();
        givenUp(sid, user.Sid);
    }

    private void RecordRead(ServiceRecord service, DeliveryProgress progress)
    {
        if (service.Id != progress.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(sid); // a new service instance took the SID after the settings were read
        progress.EnterPeriod(service.Configuration.OnPeriod);
        Volatile.Write(ref _revision, service.Revision);
    }

    /// <summary>Stores the position. After a failure, a restart sends some events again, which at-least-once delivery allows.</summary>
    private async Task StorePositionAsync(StoredWebhook webhook, WebhookPosition reached)
    {
        _submitted = reached;
        try
        {
            var stored = queue.SubmitAsync(new AdvanceWebhook(sid, webhook.ServiceId, webhook.Position, reached));
            await resumption.After(stored).ConfigureAwait(false);
        }
        catch (PresenceException)
        {
            // The store is unavailable, or the server stops.
        }
    }
}
