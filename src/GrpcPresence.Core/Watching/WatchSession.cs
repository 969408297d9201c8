using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The messages of one open watch, made at the pace at which the client takes them. Asking for the next message acknowledges the one
/// before.
/// </summary>
/// <remarks>
/// The life of a watch:
/// <list type="number">
/// <item>Attach. <see cref="WatchHub.OpenAsync"/> attaches the queue to its feed: from here on every committed change is offered to
/// it.</item>
/// <item>Start (<see cref="StartAsync"/>). Read the configuration, and decide between a resume and a reset. Send <c>configuration</c>.
/// <see cref="SynchronizeAsync"/> runs steps 2 to 4.</item>
/// <item>Snapshot (<see cref="SnapshotAsync"/>), without a usable token. Send <c>reset</c>, then pages of users. Each page is read at a
/// revision P; once the feed has reached P, the pending states of the page's users up to P are dropped. Send <c>synced</c>.</item>
/// <item>Catch up (<see cref="CatchUpAsync"/>), with a token (base, position). Read the rows above the position, each user once, with the
/// reasons since the base. End at the revision of the last page, once the feed has reached it: later changes are pending. Send
/// <c>synced</c>, if this is the start.</item>
/// <item>Live (<see cref="LiveAsync"/>). Wait for the queue, and send pending users in the order in which they first became dirty. The
/// token stays below the first change that is pending.</item>
/// <item>After an overflow, or when reachability was switched off, the queue has dropped its users: repeat step 4 from the last position,
/// then step 5.</item>
/// </list>
/// </remarks>
public sealed class WatchSession : IDisposable
{
    /// <summary>The error detail that holds the last resume token of a watch that has ended.</summary>
    public const string ResumeTokenDetail = "resume_token";

    private readonly WatchHub _hub;
    private readonly WatchSchedule _schedule;
    private readonly WatchRequest _request;
    private readonly IStoreReader _store;
    private readonly MessageBuilder _message;
    private readonly PresenceMetrics _metrics;
    private readonly TimeProvider _time;
    private Guid _timeline;
    private WatchEvent? _handedOut; // on its way to the client
    private bool _isSynced;

    internal WatchSession(
        WatchHub hub,
        WatchQueue queue,
        WatchSchedule schedule,
        WatchRequest request,
        IStoreReader store,
        IUserEncoder encoder,
        PresenceMetrics metrics,
        TimeProvider time)
    {
        (_hub, Queue, _schedule, _request) = (hub, queue, schedule, request);
        (_store, _metrics, _time) = (store, metrics, time);
        _message = new MessageBuilder(encoder, request.Filter.View);
    }

    /// <summary>The last token that was delivered; null before the first.</summary>
    public ResumeToken? LastToken { get; private set; }

    /// <summary>Completes when the watch is ended from outside, even while a message is being written.</summary>
    public Task Ended => Queue.WhenEnded();

    /// <summary>Why the watch was ended from outside, with the last token; null while it is open.</summary>
    public PresenceException? EndReason => Queue.EndReason is { } reason ? WithToken(reason) : null;

    internal WatchQueue Queue { get; }

    /// <summary>The messages, until the watch ends or the token is cancelled. To be enumerated once.</summary>
    /// <exception cref="PresenceException">
    /// Why the watch ended: ServerStopping, StreamMaxAge, WatchStalled, ServiceInstanceNotFound, StorageUnavailable. Its details hold the
    /// last token, if any.
    /// </exception>
    public IAsyncEnumerable<WatchEvent> ReadAsync(CancellationToken cancellationToken) => new WatchMessages(this, cancellationToken);

    /// <summary>Ends the watch from outside. The first reason counts.</summary>
    public void End(PresenceException reason) => Queue.End(reason);

    /// <summary>Detaches the watch.</summary>
    public void Dispose() => _hub.Close(this);

    /// <summary>The client has taken the message that was handed out: its token counts.</summary>
    internal void Acknowledge()
    {
        if (_handedOut is not { } message)
            return;
        _handedOut = null;
        _schedule.Taken();
        if (message is WatchEvent.Reset)
            LastToken = null;
        LastToken = message.Token ?? LastToken;
    }

    internal void Tick(long now, bool isConfirmed) => _schedule.Tick(now, Queue, isConfirmed);

    /// <summary>Steps 2 to 4: everything up to <c>synced</c>.</summary>
    internal async IAsyncEnumerable<WatchEvent> SynchronizeAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (configuration, reset) = await StartAsync(cancellationToken).ConfigureAwait(false);
        yield return HandOut(new WatchEvent.ConfigurationChanged(configuration));

        if (reset is { } reason)
        {
            await foreach (var message in SnapshotAsync(reason, cancellationToken).ConfigureAwait(false))
                yield return HandOut(message);
        }
        else if (!Queue.TryGoLive())
        {
            await foreach (var message in CatchUpAsync(cancellationToken).ConfigureAwait(false))
                yield return HandOut(message);
        }
        ThrowIfEnded(cancellationToken);
        // A snapshot has sent it already, also a snapshot that took the place of a catch-up.
        if (!_isSynced)
            yield return HandOut(Synced());
    }

    /// <summary>Steps 5 and 6: changes as they are committed. Never ends by itself.</summary>
    internal async IAsyncEnumerable<WatchEvent> LiveAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _schedule.Synced();
        while (true)
        {
            await Queue.WaitAsync().ConfigureAwait(false);
            ThrowIfEnded(cancellationToken);
            if (Queue.TakeConfiguration() is { } configuration)
            {
                yield return HandOut(new WatchEvent.ConfigurationChanged(configuration));
                continue;
            }
            if (!Queue.TryGoLive())
            {
                await foreach (var message in CatchUpAsync(cancellationToken).ConfigureAwait(false))
                    yield return HandOut(message);
            }
            var isProgressRequested = Queue.TakeProgressRequest();
            var shared = Queue.TakeUpdates(_message);
            if (shared is not null)
                yield return HandOut(new WatchEvent.Updates(shared.Users, Token(), shared));
            else if (!_message.IsEmpty)
                yield return HandOut(new WatchEvent.Updates(_message.Take(), Token()));
            else if (isProgressRequested && _hub.IsConfirmed)
                yield return HandOut(new WatchEvent.Progress(Token()));
        }
    }

    /// <summary>Step 2: returns the configuration to send, and why the watch starts with a snapshot; null if it does not.</summary>
    private async ValueTask<(ServiceConfiguration Configuration, ResetReason? Reset)> StartAsync(CancellationToken cancellationToken)
    {
        ThrowIfEnded(cancellationToken);
        var service = await _hub.Store.FindServiceAsync(_request.Service, cancellationToken).ConfigureAwait(false);
        if (service is null || service.Id != Queue.Feed.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(_request.Service);
        if (service.Timeline != Queue.Feed.Timeline)
            throw WatchHub.CommitsLost();
        _timeline = ResumeToken.TimelineOf(service);

        var reset = await _request.FindResetAsync(_hub.Store, service, cancellationToken).ConfigureAwait(false);
        if (reset is null)
        {
            LastToken = _request.Token;
            // A batch that was published before the feed existed has reached no watch. Without a page to cover, only this wait notices it.
            await Queue.Feed.WhenReached(service.Revision, _time.GetTimestamp()).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        Queue.Start(service.Configuration, withSnapshot: reset is not null, reset is null ? _request.Token : null);
        return (service.Configuration, reset);
    }

    /// <summary>Step 3.</summary>
    private async IAsyncEnumerable<WatchEvent> SnapshotAsync(
        ResetReason reason, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _metrics.ResetRecorded(reason.ToString());
        yield return new WatchEvent.Reset(reason);
        await foreach (var page in Scan().SnapshotAsync(cancellationToken).ConfigureAwait(false))
        {
            ThrowIfEnded(cancellationToken);
            foreach (var user in page)
            {
                if (_message.TryAdd(new UserUpdate(user, UpdateReasons.None)))
                    continue;
                yield return new WatchEvent.Updates(_message.Take(), At: null);
                _message.TryAdd(new UserUpdate(user, UpdateReasons.None));
            }
            if (!_message.IsEmpty)
                yield return new WatchEvent.Updates(_message.Take(), At: null);
        }
        Queue.CompleteSnapshot();
        yield return Synced();
    }

    /// <summary>Step 4. Called only if there is something to catch up with, because the iterator costs more than the check.</summary>
    private async IAsyncEnumerable<WatchEvent> CatchUpAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _metrics.CatchUpRecorded();
        while (!Queue.TryGoLive())
        {
            ThrowIfEnded(cancellationToken);
            var at = Queue.CatchUp;
            var page = await ReadPageAsync(at, cancellationToken).ConfigureAwait(false);
            if (page is null)
            {
                Queue.StartSnapshot();
                await foreach (var message in SnapshotAsync(ResetReason.TombstonesPurged, cancellationToken).ConfigureAwait(false))
                    yield return message;
                continue;
            }
            // The configuration comes before the nulls that its switch causes.
            if (Queue.TakeConfiguration() is { } configuration)
                yield return new WatchEvent.ConfigurationChanged(configuration);
            var delivered = at.Position;
            foreach (var (update, position) in page.Updates)
            {
                if (!_message.TryAdd(update))
                {
                    yield return new WatchEvent.Updates(_message.Take(), Token(at.Base, delivered));
                    _message.TryAdd(update);
                }
                delivered = position ?? delivered;
            }
            if (!_message.IsEmpty)
                yield return new WatchEvent.Updates(_message.Take(), Token(at.Base, delivered));
            Queue.Acknowledge(page);
        }
    }

    private async ValueTask<ScanPage?> ReadPageAsync(CatchUpPosition at, CancellationToken cancellationToken)
    {
        try
        {
            return await Scan().ReadAsync(at, cancellationToken).ConfigureAwait(false);
        }
        catch (PresenceException reason)
        {
            throw WithToken(reason);
        }
    }

    // Made when it is needed: an idle watch holds no scan.
    private StoreScan Scan() => new(Queue, _store, _time);

    // From now on the client has the time of a stall to take the message.
    private WatchEvent HandOut(WatchEvent message)
    {
        _schedule.HandedOut();
        return _handedOut = message;
    }

    private WatchEvent.Synced Synced()
    {
        _isSynced = true;
        return new WatchEvent.Synced(Token());
    }

    private void ThrowIfEnded(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (EndReason is { } reason)
            throw reason;
    }

    private ResumeToken Token() => Queue.TokenPosition() is var (@base, position) ? Token(@base, position) : throw EndReason!;

    private ResumeToken Token(long @base, long position) =>
        new(_request.Service, _timeline, @base, position, Queue.NewestTaken, _request.Filter.Hash);

    private PresenceException WithToken(PresenceException reason)
    {
        if (LastToken is not { } token)
            return reason;
        var details = new Dictionary<string, string>(reason.Details) { [ResumeTokenDetail] = token.Encode() };
        return new PresenceException(reason.Reason, reason.Message, reason) { Details = details };
    }
}
