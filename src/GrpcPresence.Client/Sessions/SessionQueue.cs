using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Client.Connections;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// What a group has to send, and what follows from the answers. It takes the time as a value, and never waits or sends. Not safe from
/// several threads: the group's lock guards it.
/// <list type="bullet">
/// <item>First come the slots that are due, then single heartbeats, then ends. Single heartbeats are the first one of a session, and what
/// is repeated.</item>
/// <item>What was sent and not answered when a stream broke is sent again. A heartbeat that arrives twice does no harm.</item>
/// <item>What the server rejected for a reason that passes is repeated after a delay that grows. A start is repeated until it is accepted,
/// an end until its lease has run out.</item>
/// </list>
/// </summary>
internal sealed class SessionQueue(BackoffPolicy retries)
{
    // Until the first answer. They are the defaults of the server.
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultSessionTimeout = TimeSpan.FromSeconds(75);

    private readonly Queue<Batch> _split = new();
    private readonly Queue<PresenceSession> _beats = new();
    private readonly Queue<PresenceSession> _ends = new();
    private readonly PriorityQueue<PresenceSession, TimeSpan> _retries = new(); // may hold sessions that have ended
    private int _retrying; // how many sessions wait there and have not ended

    /// <summary>When which sessions beat.</summary>
    public BeatSchedule Schedule { get; } = new(retries.Random, DefaultInterval);

    /// <summary>The length of leases.</summary>
    public TimeSpan SessionTimeout { get; private set; } = DefaultSessionTimeout;

    /// <summary>Whether nothing is to be sent, neither now nor later.</summary>
    public bool IsEmpty => Schedule.Count == 0 && _ends.Count == 0 && _retrying == 0;

    /// <summary>Adds a session, whose first heartbeat is to be sent at once. The next one follows within an interval.</summary>
    public void Start(PresenceSession session)
    {
        Schedule.Add(session);
        _beats.Enqueue(session);
    }

    /// <summary>Stops the heartbeats of a session, and has its end sent.</summary>
    public void End(PresenceSession session, TimeSpan now)
    {
        (session.Phase, session.EndedAt, session.Rejections) = (SessionPhase.Ending, now, 0);
        Schedule.Remove(session);
        _ends.Enqueue(session);
    }

    /// <summary>
    /// Makes due what has become due, and gives up the ends of sessions whose leases have run out. Returns the time to the next moment at
    /// which something happens; null if nothing does.
    /// </summary>
    public TimeSpan? Advance(TimeSpan now)
    {
        while (_ends.TryPeek(out var ended) && HasRunOut(ended, now))
        {
            _ends.Dequeue();
            SetDisposed(ended);
        }
        while (_retries.TryPeek(out var session, out var at) && at <= now)
        {
            _retries.Dequeue();
            if (!session.IsRetrying)
                continue; // it has ended meanwhile
            StopRetrying(session);
            if (session.Phase is SessionPhase.Starting or SessionPhase.Live)
                _beats.Enqueue(session);
            else if (session.Phase == SessionPhase.Ending && !HasRunOut(session, now))
                _ends.Enqueue(session);
            else
                SetDisposed(session);
        }
        TimeSpan? next = Schedule.Count > 0 ? Schedule.Turn(now) : null;
        if (_retries.TryPeek(out _, out var retryAt))
            next = Earlier(next, retryAt - now);
        if (_ends.TryPeek(out var oldest))
            next = Earlier(next, oldest.EndedAt + SessionTimeout - now);
        return next;
    }

    /// <summary>Takes what is to be sent next. False if nothing is.</summary>
    public bool TryTake([NotNullWhen(true)] out Batch? batch)
    {
        while (_split.TryDequeue(out batch) || TryTakeSlot(out batch)
            || TryTake(BatchKind.Beats, _beats, out batch) || TryTake(BatchKind.Ends, _ends, out batch))
        {
            // Sessions may have ended since they were put into the batch.
            if (WithoutEnded(batch) is not { Sessions.Count: > 0 } sent)
                continue;
            batch = sent;
            return true;
        }
        return false;
    }

    /// <summary>Takes back what was sent and not answered.</summary>
    public void TakeBack(Batch batch)
    {
        if (batch.Slot >= 0)
        {
            Schedule.MakeDue(batch.Slot);
            return;
        }
        foreach (var session in batch.Sessions)
        {
            if (batch.Kind == BatchKind.Ends && session.Phase == SessionPhase.Ending)
                _ends.Enqueue(session);
            else if (batch.Kind == BatchKind.Beats && session.Phase is SessionPhase.Starting or SessionPhase.Live)
                _beats.Enqueue(session);
        }
    }

    /// <summary>Follows the pace of the server.</summary>
    /// <returns>Whether the pace has changed.</returns>
    public bool SetPace(TimeSpan interval, TimeSpan sessionTimeout, TimeSpan now)
    {
        if (sessionTimeout > TimeSpan.Zero)
            SessionTimeout = sessionTimeout;
        if (interval <= TimeSpan.Zero || interval == Schedule.Interval)
            return false;
        Schedule.SetInterval(interval, now);
        return true;
    }

    /// <summary>The server accepted the entry.</summary>
    public void Accept(BatchKind kind, PresenceSession session)
    {
        session.Rejections = 0;
        if (kind == BatchKind.Ends)
        {
            SetDisposed(session);
        }
        else if (session.Phase == SessionPhase.Starting)
        {
            session.Phase = SessionPhase.Live;
            session.Started?.TrySetResult();
            session.Started = null;
        }
    }

    /// <summary>The server rejected the entry. Whether it is repeated depends on the reason.</summary>
    /// <returns>Whether this ended the session.</returns>
    public bool Reject(BatchKind kind, PresenceSession session, PresenceException error, TimeSpan? retryDelay, TimeSpan now)
    {
        if (kind == BatchKind.Ends)
        {
            // A session that the server does not know, or whose end it never accepts, is over.
            if (ReasonStatus.IsFinal(error.StatusCode))
                SetDisposed(session);
            else if (session.Phase == SessionPhase.Ending)
                RetryLater(session, retryDelay, now);
            return false;
        }
        if (session.Phase is not (SessionPhase.Starting or SessionPhase.Live))
            return false;
        if (ReasonStatus.IsFinal(error.StatusCode))
        {
            Fail(session, error);
            return true;
        }
        // A live session has a place in the schedule. Its next heartbeat is the retry where its lease was renewed, and where another
        // heartbeat would only use up more of the quota.
        if (session.Phase == SessionPhase.Starting
            || error.Reason is not (ErrorReason.StorageUnavailable or ErrorReason.QuotaExceeded))
        {
            RetryLater(session, retryDelay, now);
        }
        return false;
    }

    /// <summary>Ends all sessions, because the server rejects them all.</summary>
    /// <returns>How many heartbeats this stopped.</returns>
    public int FailAll(PresenceException error)
    {
        PresenceSession[] failed = [.. Schedule.Sessions];
        foreach (var session in failed)
            Fail(session, error);
        PresenceSession[] ending = [.. _ends, .. _retries.UnorderedItems.Select(retry => retry.Element)];
        foreach (var session in ending)
            SetDisposed(session);
        _ends.Clear();
        _retries.Clear();
        _beats.Clear();
        _split.Clear();
        return failed.Length;
    }

    private void RetryLater(PresenceSession session, TimeSpan? retryDelay, TimeSpan now)
    {
        if (session.IsRetrying)
            return;
        var at = now + retries.DelayAfter(session.Rejections, retryDelay);
        if (session.Rejections < byte.MaxValue)
            session.Rejections++;
        if (session.Phase == SessionPhase.Ending && at > session.EndedAt + SessionTimeout)
            at = session.EndedAt + SessionTimeout;
        session.IsRetrying = true;
        _retrying++;
        _retries.Enqueue(session, at);
    }

    // An entry stays until its time, unless all of them stand for sessions that no longer wait.
    private void StopRetrying(PresenceSession session)
    {
        if (!session.IsRetrying)
            return;
        session.IsRetrying = false;
        if (--_retrying == 0)
            _retries.Clear();
    }

    private bool HasRunOut(PresenceSession session, TimeSpan now) => now >= session.EndedAt + SessionTimeout;

    private void Fail(PresenceSession session, PresenceException error)
    {
        Schedule.Remove(session);
        StopRetrying(session);
        session.SetEnded(new SessionEnd(
            error.Reason == ErrorReason.SessionEnded ? SessionEndReason.EndedByServer : SessionEndReason.Rejected, error));
    }

    private void SetDisposed(PresenceSession session)
    {
        if (session.Phase != SessionPhase.Ending)
            return;
        StopRetrying(session);
        session.SetEnded(new SessionEnd(SessionEndReason.Disposed));
    }

    private static Batch WithoutEnded(Batch batch)
    {
        foreach (var session in batch.Sessions)
        {
            if (!IsToSend(session))
                return batch with { Sessions = Array.FindAll([.. batch.Sessions], IsToSend) };
        }
        return batch;

        bool IsToSend(PresenceSession session) => batch.Kind == BatchKind.Ends
            ? session.Phase == SessionPhase.Ending
            : session.Phase is SessionPhase.Starting or SessionPhase.Live;
    }

    private bool TryTakeSlot([NotNullWhen(true)] out Batch? batch)
    {
        batch = null;
        if (!Schedule.TryTakeDue(out var sessions, out var slot))
            return false;
        for (var from = 0; from < sessions.Length;)
        {
            var count = Math.Max(1, Batch.Fitting(sessions.AsSpan(from)));
            _split.Enqueue(new Batch(BatchKind.Beats, new ArraySegment<PresenceSession>(sessions, from, count), slot));
            from += count;
        }
        batch = _split.Dequeue();
        return true;
    }

    private static bool TryTake(BatchKind kind, Queue<PresenceSession> queue, [NotNullWhen(true)] out Batch? batch)
    {
        batch = null;
        if (queue.Count == 0)
            return false;
        PresenceSession[] sessions = [.. queue.Take(Batch.MaxEntries)];
        var taken = Math.Max(1, Batch.Fitting(sessions));
        for (var i = 0; i < taken; i++)
            queue.Dequeue();
        batch = new Batch(kind, new ArraySegment<PresenceSession>(sessions, 0, taken));
        return true;
    }

    private static TimeSpan Earlier(TimeSpan? a, TimeSpan b) => a < b ? a.Value : b;
}
