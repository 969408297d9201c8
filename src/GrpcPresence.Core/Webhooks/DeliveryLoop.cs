using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Tells the receiver of one service instance of its users, for as long as there is one. What changed is read from the store each time, so that what
/// changes while the receiver is slow or away is told once, in its newest state.
/// </summary>
internal sealed class DeliveryLoop(ServiceSid sid, WebhookDispatcher owner)
{
    private readonly AsyncAutoResetEvent _signal = new();
    private Circuit? _circuit;
    private DeliveryLedger? _ledger;
    private volatile bool _isOutdated; // whether settings that a round has read may not be in force any more
    private int _faults; // in a row, of the store or of this program
    private long _position; // of the ledger, for metrics
    private long _read; // the last revision that was read, for metrics
    private long _revision; // the last that was heard of, for metrics

    /// <summary>The service instance.</summary>
    public ServiceSid Sid => sid;

    /// <summary>Whether it was woken and has not looked yet.</summary>
    public bool IsWoken => _signal.IsSet;

    /// <summary>How many revisions the receiver is behind.</summary>
    public long Lag => Math.Max(0, Math.Max(Volatile.Read(ref _read), Volatile.Read(ref _revision)) - Volatile.Read(ref _position));

    /// <summary>The settings may be others, or the service instance may be gone: no more events are begun by those of before. Called by any thread; does no work.</summary>
    public void Reconsider()
    {
        _isOutdated = true;
        _signal.Set();
    }

    /// <summary>A commit reached the revision. Called by any thread; does no work.</summary>
    public void Wake(long revision)
    {
        Volatile.Write(ref _revision, revision);
        _signal.Set();
    }

    /// <summary>Tells until there is nobody to tell any more, or the token is cancelled. Throws nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var alarm = owner.Time.CreateTimer(
            static signal => ((AsyncAutoResetEvent)signal!).Set(), _signal, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (await TryRoundAsync(stop).ConfigureAwait(false) is { } wait)
            {
                if (wait == TimeSpan.Zero)
                    continue;
                alarm.Change(wait, Timeout.InfiniteTimeSpan);
                await _signal.WaitAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping. What was cancelled stays owed, and comes again after the next start.
        }
        finally
        {
            LeaveCircuit();
        }
    }

    /// <summary>One round; null when there is nobody to tell any more.</summary>
    private async Task<TimeSpan?> TryRoundAsync(CancellationToken stop)
    {
        try
        {
            var wait = await RoundAsync(stop).ConfigureAwait(false);
            _faults = 0;
            return wait;
        }
        catch (PresenceException gone) when (gone.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            return End();
        }
        catch (StorageException)
        {
            return owner.Backoff.After(++_faults);
        }
#pragma warning disable CA1031 // whatever is thrown, the receiver must not wait for ever
        catch (Exception fault) when (fault is not OperationCanceledException || !stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            owner.ReportFault(fault);
            return owner.Backoff.After(++_faults);
        }
    }

    private async Task<TimeSpan?> RoundAsync(CancellationToken stop)
    {
        _isOutdated = false; // before they are read: what changes from then on is noticed
        if (await owner.Store.FindWebhookAsync(sid, stop).ConfigureAwait(false) is not { Settings.PostUrl.Length: > 0 } webhook)
            return End();
        var ledger = LedgerOf(webhook);
        var receiver = new Receiver(webhook.Settings, CircuitOf(webhook.Settings.PostUrl), owner.Sender, owner.Metrics, () => _isOutdated);
        var round = new DeliveryRound(sid, ledger, receiver, owner.Store, owner.Backoff, owner.Metrics, owner.Time, owner.GiveUp);
        var wait = await round.RunAsync(stop).ConfigureAwait(false);
        Volatile.Write(ref _position, ledger.Position);
        if (round.Revision > 0)
            Volatile.Write(ref _read, round.Revision); // of what was committed before this process began, no commit tells
        if (ledger.Position > webhook.Position)
            await AdvanceAsync(ledger).ConfigureAwait(false);
        return wait;
    }

    /// <summary>Stores how far everything was told. Where that fails it is told once more after a restart, no worse.</summary>
    private async Task AdvanceAsync(DeliveryLedger ledger)
    {
        try
        {
            await owner.Queue.SubmitAsync(new AdvanceWebhook(sid, ledger.ServiceId, ledger.Position)).ConfigureAwait(false);
        }
        catch (PresenceException)
        {
            // The store fails, or the server stops.
        }
    }

    /// <summary>
    /// The ledger; a new one when the position was set anew, because there was no URL in between or because it is another service instance. No position
    /// that this loop had stored is above its own, which never goes back.
    /// </summary>
    private DeliveryLedger LedgerOf(StoredWebhook webhook)
    {
        if (_ledger is not { } ledger || ledger.ServiceId != webhook.ServiceId || ledger.Position < webhook.Position)
            _ledger = new DeliveryLedger(webhook.ServiceId, webhook.Position);
        return _ledger;
    }

    private Circuit CircuitOf(string url)
    {
        if (_circuit is { } circuit && circuit.Url == url)
            return circuit;
        LeaveCircuit();
        _ledger?.ForgetFailures();
        return _circuit = owner.Circuits.Attach(url, _signal);
    }

    private void LeaveCircuit()
    {
        if (_circuit is not null)
            owner.Circuits.Detach(_circuit, _signal);
        _circuit = null;
    }

    /// <summary>
    /// Ends, unless it was woken in between: then somebody may have set a URL, and another look tells. It goes to sleep for that, and wakes at once: what
    /// woke it would else be found again each time, and it would neither end nor rest.
    /// </summary>
    private TimeSpan? End()
    {
        _ledger = null;
        return owner.TryEnd(this) ? null : Timeout.InfiniteTimeSpan;
    }
}
