using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Reads for one watch what its queue does not hold. Each page is one read at one revision. Once the feed has reached that
/// revision, the pending states of the page's users up to it are dropped, so that no older state follows a newer one.
/// </summary>
internal sealed class StoreScan(WatchQueue queue, IStoreReader store, TimeProvider time)
{
    private readonly WatchFilter _filter = queue.Filter;
    private readonly ServiceSid _service = queue.Feed.Service;
    private readonly int _pageSize = queue.Feed.Sizes.Page;

    /// <summary>Reads all watched users, page by page.</summary>
    public async IAsyncEnumerable<IReadOnlyList<UserState>> SnapshotAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!_filter.WatchesAllUsers)
        {
            // One read for all keys: a second read could show the new owner of an identity whose old owner the first one still showed.
            var found = await ReadAsync(token => store.FindUsersAsync(_service, _filter.Keys, token), cancellationToken)
                .ConfigureAwait(false);
            await AwaitFeedAsync(found.Service, cancellationToken).ConfigureAwait(false);
            queue.DropCovered(found.Service, [.. found.Users]);
            yield return found.Users;
            yield break;
        }
        var afterId = 0L;
        while (true)
        {
            var after = afterId;
            var page = await ReadAsync(
                token => store.ListUsersAsync(_service, after, _pageSize, online: null, token), cancellationToken)
                .ConfigureAwait(false);
            await AwaitFeedAsync(page.Service, cancellationToken).ConfigureAwait(false);
            queue.DropCovered(page.Service, [.. page.Users], lastId: page.Next ?? long.MaxValue);
            yield return page.Users;
            if (page.Next is not { } next)
                yield break;
            afterId = next;
        }
    }

    /// <summary>Reads the next page of a catch-up. Returns null if tombstones that the client needs cannot be read.</summary>
    public ValueTask<ScanPage?> ReadAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        if (!_filter.WatchesAllUsers)
            return ReadSelectedAsync(at, cancellationToken);
        return at.Sweep is { } sweep ? ReadSweepAsync(sweep, cancellationToken) : ReadRowsAsync(at, cancellationToken);
    }

    private async ValueTask<ScanPage?> ReadRowsAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        var read = await ReadAsync(
            token => store.ListChangesAsync(_service, at.Position, _pageSize, token), cancellationToken).ConfigureAwait(false);
        if (read.Service.PurgedRevision > at.Position)
            return null;
        await AwaitFeedAsync(read.Service, cancellationToken).ConfigureAwait(false);
        // The last page holds all rows up to the revision at which it was read.
        var position = read.HasMore ? read.Changes[^1].Revision : read.Service.Revision;
        var sent = queue.DropCovered(read.Service, StatesOf(read.Changes), position);
        var updates = new List<(UserUpdate, long?)>(read.Changes.Count);
        for (var i = 0; i < read.Changes.Count; i++)
            Add(updates, read.Changes[i].State, sent[i], read.Changes[i].Revision);
        return new ScanPage(updates, read.Service.Revision, position);
    }

    private async ValueTask<ScanPage?> ReadSweepAsync(SwitchSweep sweep, CancellationToken cancellationToken)
    {
        // Only rows that were read before the switch: those above are read as rows, in their newest state.
        var read = await ReadAsync(
            token => store.ListKnownUsersAsync(
                _service, sweep.AfterId, _pageSize, sweep.KnownSince, sweep.UpTo, token), cancellationToken)
            .ConfigureAwait(false);
        await AwaitFeedAsync(read.Service, cancellationToken).ConfigureAwait(false);
        var sent = queue.DropCovered(read.Service, [.. read.Users], isOfSweep: true, lastId: read.Next ?? long.MaxValue);
        var updates = new List<(UserUpdate, long?)>(read.Users.Count);
        for (var i = 0; i < read.Users.Count; i++)
            Add(updates, read.Users[i], sent[i], position: null);
        return new ScanPage(updates, read.Service.Revision, Position: null, IsOfSweep: true, read.Next);
    }

    private async ValueTask<ScanPage?> ReadSelectedAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        // One read for all keys, so that the deletion of an old SID comes before the creation of the user that took its identity.
        var read = await ReadAsync(token => store.FindChangesAsync(_service, _filter.Keys, at.Position, token), cancellationToken)
            .ConfigureAwait(false);
        // An identity that was deleted too often has tombstones that were not read. To the client they are as good as purged.
        if (read.Service.PurgedRevision > at.Position || read.HasMore)
            return null;
        await AwaitFeedAsync(read.Service, cancellationToken).ConfigureAwait(false);
        var sent = queue.DropCovered(read.Service, StatesOf(read.Changes), read.Service.Revision);
        var updates = new List<(UserUpdate, long?)>(read.Changes.Count);
        for (var i = 0; i < read.Changes.Count; i++)
            Add(updates, read.Changes[i].State, sent[i], position: null);
        return new ScanPage(updates, read.Service.Revision, read.Service.Revision);
    }

    /// <summary>
    /// Reads a page. A read may wait long for the quota of its caller. A watch that is ended meanwhile abandons it, so that the stop of the
    /// server does not wait for it.
    /// </summary>
    private async ValueTask<TRead> ReadAsync<TRead>(Func<CancellationToken, ValueTask<TRead>> read, CancellationToken cancellationToken)
    {
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = read(abandoned.Token).AsTask();
        if (!reading.IsCompleted && await Task.WhenAny(reading, queue.WhenEnded()).ConfigureAwait(false) != reading)
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            throw queue.EndReason!;
        }
        return await reading.ConfigureAwait(false);
    }

    /// <summary>
    /// Completes when the feed has reached the revision of a page. Then the page may drop what it covers.
    /// </summary>
    private async ValueTask AwaitFeedAsync(ServiceRecord service, CancellationToken cancellationToken)
    {
        // The service instance may have been deleted, and its SID given to another one.
        if (service.Id != queue.Feed.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(_service);
        // The store has lost commits, and this node does not know it yet. What was read does not continue what the feed has.
        if (service.Timeline != queue.Feed.Timeline)
            throw WatchHub.CommitsLost();
        await queue.Feed.WhenReached(service.Revision, time.GetTimestamp()).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds the user to the page, unless nothing that the filter selects changed since the watch was sent it.</summary>
    private void Add(List<(UserUpdate, long?)> updates, UserState user, SentUser sent, long? position)
    {
        var reasons = user.ReasonsSince(sent.Revision);
        // A switch changes no row. A page that is older than the switch still shows the values, so that a later one names the loss.
        if (sent.WasKnown && user is { Record: { } record, IsOnline: null })
            reasons |= record.WasNotifiableKnown ? UpdateReasons.Reachability : UpdateReasons.ReachabilityOnline;
        if ((reasons & _filter.Reasons) != UpdateReasons.None)
            updates.Add((new UserUpdate(user, reasons & _filter.Reasons), position));
    }

    private static UserState[] StatesOf(IReadOnlyList<StoredChange> changes) => [.. changes.Select(change => change.State)];
}

/// <summary>A page of a catch-up.</summary>
/// <param name="Updates">
/// What to send; each with the position that is reached when it is delivered, or null if it moves no position.
/// </param>
/// <param name="Revision">The revision at which the page was read.</param>
/// <param name="Position">The position that is reached when the page is delivered; null if it holds no rows by revision.</param>
/// <param name="IsOfSweep">Whether the page is a part of a sweep.</param>
/// <param name="SweptTo">The key of the last user that the sweep has read with the page; null if it is complete.</param>
internal sealed record ScanPage(
    IReadOnlyList<(UserUpdate Update, long? Position)> Updates,
    long Revision,
    long? Position,
    bool IsOfSweep = false,
    long? SweptTo = null);
