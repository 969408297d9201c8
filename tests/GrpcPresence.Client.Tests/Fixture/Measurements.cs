using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Creates the meter of one client, and adds up what its instruments report.</summary>
internal sealed class Measurements : IMeterFactory
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _sums = [];
    private Meter? _meter;
    private volatile Action<string>? _onMeasured;
    private TaskCompletionSource _changed = NewSource();

    public Measurements()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            Add(instrument.Name, value);
            foreach (var (key, tag) in tags)
                Add($"{instrument.Name} {key}={tag}", value);
            Interlocked.Exchange(ref _changed, NewSource()).TrySetResult();
            _onMeasured?.Invoke(instrument.Name);
        });
        _listener.Start();
    }

    /// <summary>The sum of an instrument, such as <c>presence.client.sessions</c>, or of a tag of it: <c>NAME KEY=VALUE</c>.</summary>
    public long this[string name] => _sums.GetValueOrDefault(name);

    /// <summary>Code of the program that each measurement runs, with the name of the instrument.</summary>
    public Action<string>? OnMeasured
    {
        set => _onMeasured = value;
    }

    /// <summary>Waits until a sum has reached a value.</summary>
    public async Task UntilAsync(string name, long atLeast)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (this[name] >= atLeast)
                return;
            await Barrier.Within(changed, $"{name} was {atLeast}");
        }
    }

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose()
    {
        _listener.Dispose();
        _meter?.Dispose();
    }

    private void Add(string name, long value) => _sums.AddOrUpdate(name, value, (_, sum) => sum + value);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
