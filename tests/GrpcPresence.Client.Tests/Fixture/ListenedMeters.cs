using System.Diagnostics.Metrics;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Creates the meter of one client, and calls the listener of a program with the name and the value of each measurement.</summary>
internal sealed class ListenedMeters : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private Meter? _meter;

    public ListenedMeters(Action<string, long> onMeasured)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => onMeasured(instrument.Name, value));
        _listener.Start();
    }

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose()
    {
        _listener.Dispose();
        _meter?.Dispose();
    }
}
