using System.Runtime.InteropServices;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Receives the signals that stop the process, from the moment it is created. The host only receives them once it starts, and only some of
/// them: by default, a closed terminal kills the process without a drain, and so does a signal while the store opens.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private static readonly PosixSignal[] Signals = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGHUP];

    private readonly CancellationTokenSource _received = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    /// <summary>Begins to receive the signals.</summary>
    public StopSignals()
    {
        foreach (var signal in Signals)
            _registrations.Add(PosixSignalRegistration.Create(signal, Receive));
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Received => _received.Token;

    /// <summary>Restores the default effect of the signals.</summary>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        // The source is not disposed: a signal may still be on its way to it.
    }

    private void Receive(PosixSignalContext context)
    {
        // Opening a large database takes a while, and cannot be interrupted. A second signal then ends the process at once, unless the host
        // has started: it handles the signal too, and drains.
        if (!_received.IsCancellationRequested)
            context.Cancel = true;
        _received.Cancel();
    }
}
