using System.Diagnostics.Metrics;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>
/// Meters of one test. A listener receives the measurements of the whole process, where other tests run at the same time.
/// </summary>
internal sealed class OwnMeters : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    /// <summary>Listens to the measurements of one instrument.</summary>
    public MeterListener Listen<T>(string name, Action<T, string> heard)
        where T : struct
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Scope == this && instrument.Name == name)
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<T>((_, value, tags, _) => heard(value, tags.IsEmpty ? "" : $"{tags[0].Value}"));
        listener.Start();
        return listener;
    }

    public void Dispose() => _meters.ForEach(meter => meter.Dispose());
}
