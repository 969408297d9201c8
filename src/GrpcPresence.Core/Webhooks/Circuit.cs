using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// What is known of one receiver, for all service instances that tell it. Open, nothing is sent but one trial after each pause, so that a receiver that is
/// down costs next to nothing, and is not run over when it comes back. Safe from any thread.
/// </summary>
internal sealed class Circuit(string url, Backoff backoff, TimeProvider time)
{
    private readonly Lock _gate = new(); // guards all fields; the backoff's lock is taken inside it, and nobody is woken under it
    private readonly HashSet<AsyncAutoResetEvent> _listeners = [];
    private int _failures; // in a row
    private int _openings; // in a row
    private TimeSpan? _retryAt; // null while closed
    private bool _isOnTrial;
    private long _taken;

    /// <summary>The receiver's URL.</summary>
    public string Url => url;

    /// <summary>Whether only trials are let through.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
                return _retryAt is not null;
        }
    }

    /// <summary>How many events the receiver took.</summary>
    public long Taken
    {
        get
        {
            lock (_gate)
                return _taken;
        }
    }

    /// <summary>How long until something may be sent: zero for now; null for when the trial that is under way ends, of which listeners are told.</summary>
    public TimeSpan? Wait
    {
        get
        {
            lock (_gate)
            {
                if (_isOnTrial)
                    return null;
                var now = Now; // once: a wait that became negative meanwhile would end the loop that waits
                return _retryAt is { } at && at > now ? at - now : TimeSpan.Zero;
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(0);

    /// <summary>Whether something may be sent now. What is let through is reported, or given up, once.</summary>
    public Permit Enter()
    {
        lock (_gate)
        {
            if (_retryAt is not { } at)
                return Permit.Free;
            if (_isOnTrial || at > Now)
                return Permit.None;
            _isOnTrial = true;
            return Permit.Trial;
        }
    }

    /// <summary>Takes note of a try.</summary>
    /// <param name="permit">By what it was let through.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="isRepeat">
    /// Whether this user's events failed before. That a receiver cannot take one user's events says nothing of the others, so it opens no circuit.
    /// </param>
    public void Report(Permit permit, WebhookOutcome outcome, bool isRepeat)
    {
        lock (_gate)
        {
            var wasOpen = _retryAt is not null;
            if (permit == Permit.Trial)
                _isOnTrial = false;
            if (outcome != WebhookOutcome.Failed)
                Close(outcome);
            // What was let through before it opened may have been taken while the trial was under way: then it is closed, and the trial counts as any.
            else if ((permit == Permit.Trial && wasOpen) || (!wasOpen && !isRepeat && ++_failures >= Limits.WebhookFailuresToOpen))
                Open();
            if (permit != Permit.Trial && wasOpen == (_retryAt is not null))
                return; // nothing that anybody waits for
        }
        WakeAll();
    }

    /// <summary>What was let through was not tried after all, or it is not known what became of it.</summary>
    public void GiveUp(Permit permit)
    {
        if (permit != Permit.Trial)
            return;
        lock (_gate)
            _isOnTrial = false;
        WakeAll();
    }

    /// <summary>Wakes the listener when the circuit opens or closes, and when a trial ends.</summary>
    public void Attach(AsyncAutoResetEvent listener)
    {
        lock (_gate)
            _listeners.Add(listener);
    }

    /// <summary>Wakes the listener no more; returns whether nobody listens.</summary>
    public bool Detach(AsyncAutoResetEvent listener)
    {
        lock (_gate)
        {
            _listeners.Remove(listener);
            return _listeners.Count == 0;
        }
    }

    private void Close(WebhookOutcome outcome)
    {
        if (outcome == WebhookOutcome.Taken)
            _taken++;
        _failures = 0;
        _openings = 0;
        _retryAt = null;
    }

    private void Open()
    {
        _failures = 0;
        _retryAt = Now + backoff.After(++_openings);
    }

    private void WakeAll()
    {
        AsyncAutoResetEvent[] listeners;
        lock (_gate)
            listeners = [.. _listeners];
        foreach (var listener in listeners)
            listener.Set();
    }
}
