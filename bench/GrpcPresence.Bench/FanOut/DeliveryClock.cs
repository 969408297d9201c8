using System.Buffers.Text;
using System.Diagnostics;

namespace GrpcPresence.Bench.FanOut;

/// <summary>
/// Measures the time from publishing a change to each of its deliveries. The number at the end of the subject's name identifies the change.
/// </summary>
internal sealed class DeliveryClock(int subjects)
{
    private const int PrefixBytes = 5; // "user-"

    private readonly long[] _sent = new long[subjects];
    private readonly List<double> _milliseconds = [];

    /// <summary>Notes that the change is being published.</summary>
    public void Sent(int subject) => _sent[subject] = Stopwatch.GetTimestamp();

    /// <summary>Notes that the change has reached one watcher.</summary>
    public void Arrived(ReadOnlySpan<byte> name)
    {
        if (!Utf8Parser.TryParse(name[PrefixBytes..], out int subject, out _))
            throw new InvalidDataException("A change of an unknown subject arrived.");
        _milliseconds.Add(Stopwatch.GetElapsedTime(_sent[subject]).TotalMilliseconds);
    }

    /// <summary>Returns the median and the 99th percentile of all deliveries since the last call.</summary>
    public (double P50, double P99) Take()
    {
        _milliseconds.Sort();
        var taken = (_milliseconds[_milliseconds.Count / 2], _milliseconds[(int)(_milliseconds.Count * 0.99)]);
        _milliseconds.Clear();
        return taken;
    }
}
