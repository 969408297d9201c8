using System.Diagnostics.Metrics;
using System.Globalization;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Bench.Serve;

/// <summary>Listens to the server's own metric of lease lateness.</summary>
internal sealed class LatenessProbe : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new(); // guards the seconds
    private List<double> _seconds = [];

    /// <summary>Starts listening.</summary>
    public LatenessProbe()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == PresenceMetrics.MeterName && instrument.Name == "presence.lease.lateness")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) =>
        {
            lock (_gate)
                _seconds.Add(seconds);
        });
        _listener.Start();
    }

    /// <summary>Returns the measurements since the last call: <c>lateness COUNT P50 P99 MAX</c>, in milliseconds.</summary>
    public string Take()
    {
        List<double> taken;
        lock (_gate)
            (taken, _seconds) = (_seconds, []);
        taken.Sort();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"lateness {taken.Count} {At(taken, 0.5):0.000} {At(taken, 0.99):0.000} {At(taken, 1):0.000}");
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private static double At(List<double> sorted, double quantile) =>
        sorted.Count == 0 ? 0 : 1000 * sorted[Math.Min((int)(quantile * sorted.Count), sorted.Count - 1)];
}
