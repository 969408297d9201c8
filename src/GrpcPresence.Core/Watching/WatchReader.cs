using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The client's side of one open watch: its messages, in order, at the pace at which they are asked for. Asking for the next message says that the
/// one before was delivered.
/// </summary>
public sealed class WatchReader : IDisposable
{
    /// <summary>The detail of a refusal that ends a watch which holds the last token.</summary>
    public const string ResumeTokenDetail = "resume_token";

    private readonly WatchHub _hub;
    private readonly Watcher _watcher;
    private readonly WatchSchedule _schedule;
    private readonly WatchRequest _request;
    private readonly IStoreReader _store;
    private readonly TimeProvider _time;
    private readonly MessageBuilder _message;
    private readonly PresenceMetrics _metrics;
    private Guid _timeline;
    private WatchEvent? _handedOut; // the message that is on its way to the client
    private bool _isSynced;

    internal WatchReader(
        WatchHub hub,
        Watcher watcher,
        WatchSchedule schedule,
        WatchRequest request,
        IStoreReader store,
        IUserEncoder encoder,
        PresenceMetrics metrics,
        TimeProvider time)
    {
        _hub = hub;
        _watcher = watcher;
        _schedule = schedule;
        _request = request;
        _store = store;
        _metrics = metrics;
        _message = new MessageBuilder(encoder, request.Filter.View);
        _time = time;
    }

    /// <summary>The last token that was delivered; null while there is none.</summary>
    public ResumeToken? LastToken { get; private set; }

    /// <summary>Completes when the watch is ended from outside, also while a message is being written.</summary>
    public Task Ended => _watcher.Ended;

    /// <summary>Whether the reader has found nothing to do and waits for the hub.</summary>
    internal bool IsAsleep => _watcher.IsAsleep;

    /// <summary>Whether somebody, perhaps this reader, waits for the feed to reach a revision.</summary>
    internal bool IsFeedAwaited => _watcher.Feed.IsAwaited;

    /// <summary>Whether the feed's gap is being read.</summary>
    internal bool IsGapBeingRead => _watcher.Feed.IsGapBeingRead;

    /// <summary>How many users are pending.</summary>
    internal int PendingCount => _watcher.PendingCount;

    /// <summary>The messages, until the watch ends or the token is cancelled. To be read once.</summary>
    /// <exception cref="PresenceException">
    /// Why the watch ended: ServerStopping, StreamMaxAge, WatchStalled, ServiceInstanceNotFound, StorageUnavailable; with the last token in its
    /// details, if there is one.
    /// </exception>
    public IAsyncEnumerable<WatchEvent> ReadAsync(CancellationToken cancellationToken) =>
        new WatchMessages(this, _watcher, ProduceAsync(cancellationToken), cancellationToken);

    /// <summary>The message that was handed out is delivered: the next one is being asked for.</summary>
    internal void TakeHandedOut()
    {
        if (_handedOut is not { } message)
            return;
        _handedOut = null;
        _schedule.Taken();
        if (message is WatchEvent.Reset)
            LastToken = null;
        LastToken = message.Token ?? LastToken;
    }

    /// <summary>Detaches the watch.</summary>
    public void Dispose() => _hub.Close(this, _watcher);

    /// <summary>Why the watch was ended from outside, with the last token; null while it was not.</summary>
    public PresenceException? EndReason => _watcher.End is { } reason ? WithToken(reason) : null;

    /// <summary>Ends the watch from outside; nothing happens when it has ended already.</summary>
    public void End(PresenceException reason) => _watcher.EndWith(reason);

    /// <summary>Looks at the times.</summary>
    internal void Tick(long now)
    {
        if (_schedule.IsStalled(now))
            _watcher.EndWith(new PresenceException(ErrorReason.WatchStalled, "The client has read nothing for too long."));
        else if (_schedule.IsOld(now))
            _watcher.EndWith(new PresenceException(ErrorReason.StreamMaxAge, "The stream reached its age limit."));
        else if (_schedule.IsProgressDue(now))
            _watcher.OweProgress();
    }

    private async IAsyncEnumerable<WatchEvent> ProduceAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (configuration, reset) = await BeginAsync(cancellationToken).ConfigureAwait(false);
        yield return HandOut(new WatchEvent.ConfigurationChanged(configuration));

        if (reset is { } first)
        {
            await foreach (var message in SnapshotAsync(first, cancellationToken).ConfigureAwait(false))
                yield return HandOut(message);
        }
        else
        {
            if (_watcher.CatchUpOrGoLive() is not null)
            {
                await foreach (var message in CatchUpAsync(cancellationToken).ConfigureAwait(false))
                    yield return HandOut(message);
            }
            ThrowIfEnded(cancellationToken);
            // Unless a snapshot had to take the place of the catch-up, and has said so.
            if (!_isSynced)
                yield return HandOut(new WatchEvent.Synced(Token()));
        }
        _schedule.Synced();

        while (true)
        {
            await _watcher.WaitAsync().ConfigureAwait(false);
            ThrowIfEnded(cancellationToken);
            if (_watcher.TakeConfiguration() is { } changed)
            {
                yield return HandOut(new WatchEvent.ConfigurationChanged(changed));
                continue;
            }
            if (_watcher.CatchUpOrGoLive() is not null)
            {
                await foreach (var message in CatchUpAsync(cancellationToken).ConfigureAwait(false))
                    yield return HandOut(message);
            }
            var owesProgress = _watcher.TakeProgress();
            var shared = _watcher.Drain(_message);
            if (shared is not null)
                yield return HandOut(new WatchEvent.Updates(shared.Users, Token(), shared));
            else if (!_message.IsEmpty)
                yield return HandOut(new WatchEvent.Updates(_message.Take(), Token()));
            else if (owesProgress)
                yield return HandOut(new WatchEvent.Progress(Token()));
        }
    }

    // Its time begins to run.
    private WatchEvent HandOut(WatchEvent message)
    {
        _schedule.HandedOut();
        return _handedOut = message;
    }

    /// <summary>The configuration to begin with, and why the watch begins anew; null when it does not.</summary>
    private async ValueTask<(ServiceConfiguration Configuration, ResetReason? Reset)> BeginAsync(CancellationToken cancellationToken)
    {
        ThrowIfEnded(cancellationToken);
        var service = await _store.FindServiceAsync(_request.Service, cancellationToken).ConfigureAwait(false);
        if (service is null || service.Id != _watcher.Feed.ServiceId)
            throw PresenceErrors.ServiceInstanceNotFound(_request.Service);
        _timeline = _store.TimelineOf(service);

        var reset = await FindResetAsync(service, cancellationToken).ConfigureAwait(false);
        if (reset is null)
        {
            LastToken = _request.Token;
            // A batch that was published before the feed of the first watch was there has reached nobody, and without a page nothing else shows it.
            await _watcher.Feed.WhenReached(service.Revision, _time.GetTimestamp()).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        var resumesFrom = reset is null ? _request.Token : null;
        _watcher.Begin(service.Configuration, withSnapshot: reset is not null, resumesFrom);
        return (service.Configuration, reset);
    }

    private async IAsyncEnumerable<WatchEvent> SnapshotAsync(ResetReason reason, [EnumeratorCancellation] CancellationToken cancellationToken)
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
        _watcher.EndSnapshot();
        _isSynced = true;
        yield return new WatchEvent.Synced(Token());
    }

    /// <summary>Brings the client from the catch-up's position to the present. Not begun when there is nothing to catch up: it would cost as much.</summary>
    private async IAsyncEnumerable<WatchEvent> CatchUpAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _metrics.CatchUpRecorded();
        while (_watcher.CatchUpOrGoLive() is { } at)
        {
            ThrowIfEnded(cancellationToken);
            var page = await ReadPageAsync(at, cancellationToken).ConfigureAwait(false);
            if (page is null)
            {
                // Tombstones that the client needs are gone.
                _watcher.BeginSnapshot();
                await foreach (var message in SnapshotAsync(ResetReason.TombstonesPurged, cancellationToken).ConfigureAwait(false))
                    yield return message;
                continue;
            }
            // Nulls that a switch brought come after the configuration that explains them.
            if (_watcher.TakeConfiguration() is { } configuration)
                yield return new WatchEvent.ConfigurationChanged(configuration);
            var delivered = at.Position;
            foreach (var (update, revision) in page.Updates)
            {
                if (!_message.TryAdd(update))
                {
                    yield return new WatchEvent.Updates(_message.Take(), Token(at.Base, delivered));
                    _message.TryAdd(update);
                }
                delivered = revision ?? delivered;
            }
            if (!_message.IsEmpty)
                yield return new WatchEvent.Updates(_message.Take(), Token(at.Base, delivered));
            page.Advance(_watcher);
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

    /// <summary>Why the token cannot be followed; null when it can, or when the watch begins now.</summary>
    private async ValueTask<ResetReason?> FindResetAsync(ServiceRecord service, CancellationToken cancellationToken)
    {
        if (_request.Token is not { } token)
            return _request.StartNow ? null : ResetReason.Initial;
        if (token.FilterHash != _request.Filter.Hash)
            return ResetReason.FilterChanged;
        var end = await _store.FindTimelineEndAsync(service, token.Timeline, cancellationToken).ConfigureAwait(false);
        if (end is null || Math.Max(token.Position, token.Newest) > end)
            return ResetReason.TimelineChanged;
        // Whether tombstones that the client needs are gone is found where they are read.
        return token.Base < service.Configuration.SwitchRevision ? ResetReason.ReachabilitySwitched : null;
    }

    // It remembers nothing, so that nothing of it stays while the watch is idle.
    private StoreScan Scan() => new(_watcher, _store, _time);

    private void ThrowIfEnded(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_watcher.End is { } reason)
            throw WithToken(reason);
    }

    private ResumeToken Token()
    {
        var (@base, position) = _watcher.Bookmark();
        // An ended watch owes nothing any more, and so its bookmark may cover what was never sent.
        if (_watcher.End is { } reason)
            throw WithToken(reason);
        return Token(@base, position);
    }

    private ResumeToken Token(long @base, long position) =>
        new(_request.Service, _timeline, @base, position, _watcher.NewestTaken, _request.Filter.Hash);

    private PresenceException WithToken(PresenceException reason)
    {
        if (LastToken is not { } token)
            return reason;
        var details = new Dictionary<string, string>(reason.Details) { [ResumeTokenDetail] = token.Encode() };
        return new PresenceException(reason.Reason, reason.Message, reason) { Details = details };
    }
}
