using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Reads for one watcher what it does not have in memory. Each page is one read transaction at a revision; once the feed has reached that
/// revision, what is pending for the page's users and not newer is dropped, so that no older state follows a newer one.
/// </summary>
internal sealed class StoreScan(Watcher watcher, IStoreReader store, TimeProvider time)
{
    private readonly WatchFilter _filter = watcher.Filter;
    private readonly ServiceSid _service = watcher.Feed.Service;

    /// <summary>All watched users, a page at a time.</summary>
    public async IAsyncEnumerable<IReadOnlyList<UserState>> SnapshotAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!_filter.IsEverybody)
        {
            // All at one moment: of two reads, the second might show who took the identity of a user whom the first still shows.
            var found = await store.FindUsersAsync(_service, _filter.Keys, cancellationToken).ConfigureAwait(false);
            await CoverAsync(found.Service, found.Users, cancellationToken).ConfigureAwait(false);
            yield return found.Users;
            yield break;
        }
        var afterId = 0L;
        while (true)
        {
            var page = await store.ListUsersAsync(_service, afterId, Limits.WatchPageSize, online: null, cancellationToken).ConfigureAwait(false);
            await CoverAsync(page.Service, page.Users, cancellationToken).ConfigureAwait(false);
            yield return page.Users;
            if (page.Users.Count < Limits.WatchPageSize)
                yield break;
            afterId = page.Users[^1].Record!.Id;
        }
    }

    /// <summary>The next page of a catch-up; null when the store does not have what it takes any more.</summary>
    public ValueTask<ScanPage?> ReadAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        if (!_filter.IsEverybody)
            return ReadSelectedAsync(at, cancellationToken);
        return at.Sweep is { } sweep ? ReadSweepAsync(at, sweep, cancellationToken) : ReadRangeAsync(at, cancellationToken);
    }

    private async ValueTask<ScanPage?> ReadRangeAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        var read = await store.ListChangesAsync(_service, at.Position, Limits.WatchPageSize, cancellationToken).ConfigureAwait(false);
        if (read.Service.PurgedRevision > at.Position)
            return null;
        var switched = await CoverAsync(read.Service, read.Changes.Select(change => change.State), cancellationToken).ConfigureAwait(false);
        var updates = new List<(UserUpdate, long?)>(read.Changes.Count);
        foreach (var change in read.Changes)
            Add(updates, change.State, at.Base, switched, change.Revision);
        // A short page holds all rows up to the revision that it was read at.
        var position = read.Changes.Count < Limits.WatchPageSize ? read.Service.Revision : read.Changes[^1].Revision;
        return new ScanPage(updates, watcher => watcher.Advance(position, read.Service.Revision));
    }

    private async ValueTask<ScanPage?> ReadSweepAsync(CatchUpPosition at, SwitchSweep sweep, CancellationToken cancellationToken)
    {
        // Rows above the position are read by the range, in their newest state.
        var read = await store.ListKnownUsersAsync(
            _service, sweep.AfterId, Limits.WatchPageSize, sweep.KnownSince, at.Position, cancellationToken).ConfigureAwait(false);
        var switched = await CoverAsync(read.Service, read.Users, cancellationToken).ConfigureAwait(false);
        var updates = new List<(UserUpdate, long?)>(read.Users.Count);
        foreach (var user in read.Users)
            Add(updates, user, at.Base, switched, delivers: null);
        var rest = read.Users.Count < Limits.WatchPageSize ? null : sweep with { AfterId = read.Users[^1].Record!.Id };
        return new ScanPage(updates, watcher => watcher.Advance(sweep, rest, read.Service.Revision));
    }

    private async ValueTask<ScanPage?> ReadSelectedAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        // All at one moment, so that an old SID's deletion comes before the creation of the user who took its identity.
        var read = await store.FindChangesAsync(_service, _filter.Keys, at.Position, cancellationToken).ConfigureAwait(false);
        if (read.Service.PurgedRevision > at.Position)
            return null;
        var switched = await CoverAsync(read.Service, read.Changes.Select(change => change.State), cancellationToken).ConfigureAwait(false);
        var updates = new List<(UserUpdate, long?)>(read.Changes.Count);
        foreach (var change in read.Changes)
            Add(updates, change.State, at.Base, switched, delivers: null);
        return new ScanPage(updates, watcher =>
        {
            if (at.Sweep is { } sweep)
                watcher.Advance(sweep, null, read.Service.Revision);
            watcher.Advance(read.Service.Revision, read.Service.Revision);
        });
    }

    /// <summary>Covers the users of a page; see <see cref="Watcher.Cover"/>. A switch may have come since the place of the page was taken, so its answer counts.</summary>
    private async ValueTask<long?> CoverAsync(ServiceRecord service, IEnumerable<UserState> users, CancellationToken cancellationToken)
    {
        if (service.Id != watcher.Feed.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(_service); // deleted, and its SID given to another
        await watcher.Feed.WhenReached(service.Revision, time.GetTimestamp()).WaitAsync(cancellationToken).ConfigureAwait(false);
        return watcher.Cover(service, users.Select(user => user.Sid));
    }

    /// <summary>Adds the user to the page, unless nothing that the filter names changed since the base.</summary>
    private void Add(List<(UserUpdate, long?)> updates, UserState user, long since, long? switchedSince, long? delivers)
    {
        var reasons = ReasonsOf(user, since, switchedSince);
        if (reasons != UpdateReasons.None)
            updates.Add((new UserUpdate(user, reasons), delivers));
    }

    private UpdateReasons ReasonsOf(UserState user, long since, long? switchedSince)
    {
        if (user.Record is not { } record)
            return UpdateReasons.Deleted;
        var reasons = record.ReasonsSince(since);
        if (switchedSince is { } ended && record.KnownRevision >= ended)
        {
            reasons |= UpdateReasons.ReachabilityOnline;
            if (record.WasNotifiableKnown)
                reasons |= UpdateReasons.ReachabilityNotifiable;
        }
        return reasons & _filter.Reasons;
    }
}
