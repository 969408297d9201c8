using System.Diagnostics.CodeAnalysis;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// What a group has to send, and what follows from the answers. It takes the time as a value, and never waits or sends. Not safe from
/// several threads: the group's lock guards it.
/// <list type="bullet">
/// <item>First come the slots that are due, then first heartbeats, then ends.</item>
/// <item>What was sent and not answered when a stream broke is sent again. A heartbeat that arrives twice does no harm.</item>
/// </list>
/// </summary>
internal sealed class SessionQueue(Random random)
{
    // Until the first answer. They are the defaults of the server.
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultSessionTimeout = TimeSpan.FromSeconds(75);

    private readonly Queue<Batch> _split = new();
    private readonly Queue<PresenceSession> _starts = new();
    private readonly Queue<(PresenceSession Session, TimeSpan At)> _ends = new();

    /// <summary>When which sessions beat.</summary>
    public BeatSchedule Schedule { get; } = new(random, DefaultInterval);

    /// <summary>The length of leases.</summary>
    public TimeSpan SessionTimeout { get; private set; } = DefaultSessionTimeout;

    /// <summary>Whether something is to be sent now or later.</summary>
    public bool IsEmpty => Schedule.Count == 0 && _ends.Count == 0;

    /// <summary>Adds a session, whose first heartbeat is to be sent at once. The next one follows within an interval.</summary>
    public void Start(PresenceSession session)
    {
        Schedule.Add(session);
        _starts.Enqueue(session);
    }

    /// <summary>Stops the heartbeats of a session, and has its end sent.</summary>
    public void End(PresenceSession session, TimeSpan now)
    {
        session.Phase = SessionPhase.Ending;
        Schedule.Remove(session);
        // While the server is away, leases run out by themselves.
        while (_ends.TryPeek(out var oldest) && now - oldest.At > SessionTimeout)
        {
            _ends.Dequeue();
            oldest.Session.SetEnded(new SessionEnd(SessionEndReason.Disposed));
        }
        _ends.Enqueue((session, now));
    }

    /// <summary>Takes what is to be sent next. False if nothing is.</summary>
    public bool TryTake([NotNullWhen(true)] out Batch? batch)
    {
        while (_split.TryDequeue(out batch) || TryTakeSlot(out batch) || TryTakeStarts(out batch) || TryTakeEnds(out batch))
        {
            // Sessions may have ended since they were put into the batch.
            var sent = batch.Kind == BatchKind.Ends
                ? batch.Sessions
                : Array.FindAll([.. batch.Sessions], session => session.Phase is SessionPhase.Starting or SessionPhase.Live);
            if (sent.Count == 0)
                continue;
            batch = batch with { Sessions = sent };
            return true;
        }
        return false;
    }

    /// <summary>Takes back what was sent and not answered.</summary>
    public void TakeBack(Batch batch, TimeSpan now)
    {
        if (batch.Slot >= 0)
        {
            Schedule.MakeDue(batch.Slot);
            return;
        }
        foreach (var session in batch.Sessions)
        {
            if (batch.Kind == BatchKind.Ends && session.Phase == SessionPhase.Ending)
                _ends.Enqueue((session, now));
            else if (batch.Kind == BatchKind.Beats && session.Phase == SessionPhase.Starting)
                _starts.Enqueue(session);
        }
    }

    /// <summary>Follows the pace of the server.</summary>
    public void SetPace(TimeSpan interval, TimeSpan sessionTimeout)
    {
        if (interval > TimeSpan.Zero)
            Schedule.Interval = interval;
        if (sessionTimeout > TimeSpan.Zero)
            SessionTimeout = sessionTimeout;
    }

    /// <summary>The server accepted the entry.</summary>
    public static void Accept(BatchKind kind, PresenceSession session)
    {
        if (kind == BatchKind.Ends)
        {
            if (session.Phase == SessionPhase.Ending)
                session.SetEnded(new SessionEnd(SessionEndReason.Disposed));
        }
        else if (session.Phase == SessionPhase.Starting)
        {
            session.Phase = SessionPhase.Live;
            session.Started?.TrySetResult();
            session.Started = null;
        }
    }

    /// <summary>The server rejected the entry. Whether the session goes on depends on the reason.</summary>
    /// <returns>Whether this ended the session.</returns>
    public bool Reject(BatchKind kind, PresenceSession session, PresenceException error)
    {
        // The server holds the lease, and stores the change when it can. An end counts until a restart, after which no heartbeat comes.
        if (kind == BatchKind.Ends || error.Reason == ErrorReason.StorageUnavailable)
        {
            Accept(kind, session);
            return false;
        }
        // The next heartbeat of the session is the retry: it has a place in the schedule.
        if (!EndsSession(error.Reason) || session.Phase is not (SessionPhase.Starting or SessionPhase.Live))
            return false;
        Fail(session, error);
        return true;
    }

    /// <summary>Ends all sessions, because the server rejects them all.</summary>
    /// <returns>How many heartbeats this stopped.</returns>
    public int FailAll(PresenceException error)
    {
        PresenceSession[] failed = [.. Schedule.Sessions];
        foreach (var session in failed)
            Fail(session, error);
        foreach (var (session, _) in _ends)
            session.SetEnded(new SessionEnd(SessionEndReason.Disposed));
        _ends.Clear();
        _starts.Clear();
        _split.Clear();
        return failed.Length;
    }

    /// <summary>Whether the reason concerns the one session, and heartbeats with its id can never succeed.</summary>
    public static bool EndsSession(ErrorReason reason) => reason
        is ErrorReason.FieldRequired
        or ErrorReason.FieldInvalid
        or ErrorReason.FieldTooLong
        or ErrorReason.FieldOutOfRange
        or ErrorReason.IdentityReserved
        or ErrorReason.UserNotFound
        or ErrorReason.SessionEnded
        or ErrorReason.PermissionDenied;

    private void Fail(PresenceSession session, PresenceException error)
    {
        Schedule.Remove(session);
        session.SetEnded(new SessionEnd(
            error.Reason == ErrorReason.SessionEnded ? SessionEndReason.EndedByServer : SessionEndReason.Rejected, error));
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

    private bool TryTakeStarts([NotNullWhen(true)] out Batch? batch)
    {
        batch = null;
        if (_starts.Count == 0)
            return false;
        PresenceSession[] starts = [.. _starts.Take(1000)];
        var taken = Math.Max(1, Batch.Fitting(starts));
        for (var i = 0; i < taken; i++)
            _starts.Dequeue();
        batch = new Batch(BatchKind.Beats, new ArraySegment<PresenceSession>(starts, 0, taken));
        return true;
    }

    private bool TryTakeEnds([NotNullWhen(true)] out Batch? batch)
    {
        batch = null;
        if (_ends.Count == 0)
            return false;
        PresenceSession[] ends = [.. _ends.Take(1000).Select(end => end.Session)];
        var taken = Math.Max(1, Batch.Fitting(ends));
        for (var i = 0; i < taken; i++)
            _ends.Dequeue();
        batch = new Batch(BatchKind.Ends, new ArraySegment<PresenceSession>(ends, 0, taken));
        return true;
    }
}
