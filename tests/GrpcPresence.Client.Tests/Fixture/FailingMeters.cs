using System.Diagnostics.Metrics;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Creates the meter of one client, whose listener fails.</summary>
internal sealed class FailingMeters : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private Meter? _meter;
    private volatile bool _hasFailed;

    public FailingMeters()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, _, _, _) =>
        {
            _hasFailed = true;
            throw new InvalidOperationException("The listener of the test fails.");
        });
        _listener.Start();
    }

    /// <summary>Whether the listener was called.</summary>
    public bool HasFailed => _hasFailed;

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose()
    {
        _listener.Dispose();
        _meter?.Dispose();
    }
}
