using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
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
/// 4. Retry: read the pending users that are due, and send their events in the newest state. Step 3 comes first: a half-open breaker admits
///    one trial request, which must not be spent on a user whose events the endpoint may never take.
/// 5. Store the position from which a restart continues.
/// </remarks>
internal sealed class DeliveryPass(
    ServiceSid sid,
    WebhookEndpoint endpoint,
    IStoreReader store,
    CommandQueue queue,
    Backoff backoff,
    TimeProvider time,
    Action<ServiceSid, UserSid> givenUp)
{
    private DeliveryProgress? _progress;
    private long _position; // for metrics
    private long _revision; // for metrics

    /// <summary>The position that the last pass reached. Safe from any thread.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <summary>
    /// The revision of the service instance when it was last read, or 0. No commit announces changes from before a restart. Safe from any
    /// thread.
    /// </summary>
    public long Revision => Volatile.Read(ref _revision);

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
        if (endpoint.Apply(webhook.Settings))
            progress.ResetFailures();
        var delay = await DeliverAsync(progress, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _position, progress.Position);
        if (progress.Position > webhook.Position)
            await StorePositionAsync(progress).ConfigureAwait(false);
        return delay;
    }

    /// <summary>
    /// Returns the progress, or a new one when the stored position belongs to another URL or another service instance. The store then holds
    /// a position that this process did not write: it is above the position of the progress, which only grows.
    /// </summary>
    private DeliveryProgress ProgressOf(StoredWebhook webhook)
    {
        if (_progress is not { } progress || progress.ServiceId != webhook.ServiceId || progress.Position < webhook.Position)
            _progress = new DeliveryProgress(webhook.ServiceId, webhook.Position);
        return _progress;
    }

    /// <summary>Steps 2 to 4.</summary>
    private async Task<TimeSpan> DeliverAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        if (endpoint.Breaker.Delay is not { } openFor)
            return Timeout.InfiniteTimeSpan; // the end of the trial request wakes the loop
        if (openFor > TimeSpan.Zero)
            return openFor;
        var isScanIncomplete = await ScanAsync(progress, cancellationToken).ConfigureAwait(false);
        var isRetryIncomplete = await RetryAsync(progress, cancellationToken).ConfigureAwait(false);
        if (endpoint.Breaker.Delay is not { } delay)
            return Timeout.InfiniteTimeSpan;
        if (isScanIncomplete || isRetryIncomplete)
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
        RecordRevision(page.Service, progress);
        var events = page.Changes.Select(change => ScannedEvents(change.State, progress)).ToArray();
        var results = await SendAsync(events, isRetry: false, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < results.Count; i++)
        {
            var user = page.Changes[i].State;
            if (user.IsDeleted || !progress.IsPending(user.Sid))
                Record(results[i], progress);
            progress.MarkScanned(page.Changes[i].Revision);
        }
        if (results.Count < page.Changes.Count || page.Changes.Count == Limits.WebhookPageSize)
            return true;
        progress.CompleteScan(page.Service.Revision);
        return false;
    }

    /// <summary>Sends the events of pending users that are due; returns whether more users are due.</summary>
    private async Task<bool> RetryAsync(DeliveryProgress progress, CancellationToken cancellationToken)
    {
        var due = progress.DueAt(Now, Limits.WebhookPageSize);
        if (due.Count == 0)
            return false;
        var read = await store.FindUsersAsync(sid, [.. due.Select(user => new UserKey(user))], cancellationToken).ConfigureAwait(false);
        RecordRevision(read.Service, progress);
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
        if (webhook?.Settings != endpoint.Settings)
            return [];
        return await endpoint.DeliverAsync(users, isRetry, cancellationToken).ConfigureAwait(false);
    }

    // Twilio Conversations has no event for a deletion. A pending user is retried when it is due, not when it changes again.
    private UserEvents ScannedEvents(UserState user, DeliveryProgress progress) =>
        user.IsDeleted || progress.IsPending(user.Sid)
            ? new UserEvents(user, UpdateReasons.None, UpdateReasons.None)
            : EventsOf(user, progress);

    private UserEvents EventsOf(UserState user, DeliveryProgress progress) => endpoint.EventsOf(user, progress.ReasonsOf(user.Record!));

    private void Record(UserResult result, DeliveryProgress progress)
    {
        if (result.User.Record is not { } record)
            progress.Remove(result.User.Sid);
        else if (result.HasFailed)
            ScheduleRetry(record, result.IsCreationDelivered, progress);
        else
            progress.Complete(record);
    }

    private void ScheduleRetry(UserRecord user, bool isCreationDelivered, DeliveryProgress progress)
    {
        var pending = progress.ScheduleRetry(user, isCreationDelivered);
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

    private void RecordRevision(ServiceRecord service, DeliveryProgress progress)
    {
        if (service.Id != progress.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(sid); // a new service instance took the SID after the settings were read
        Volatile.Write(ref _revision, service.Revision);
    }

    /// <summary>Stores the position. After a failure, a restart sends some events again, which at-least-once delivery allows.</summary>
    private async Task StorePositionAsync(DeliveryProgress progress)
    {
        try
        {
            await queue.SubmitAsync(new AdvanceWebhook(sid, progress.ServiceId, progress.Position)).ConfigureAwait(false);
        }
        catch (PresenceException)
        {
            // The store is unavailable, or the server stops.
        }
    }
}
