using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>Several measurements of one subject, taken in turn with those of others.</summary>
internal sealed class SampleSeries(Subject subject)
{
    private readonly List<Sample> _samples = [];

    /// <summary>CPU time of an operation, in microseconds, of each measurement.</summary>
    public IReadOnlyList<double> CpuMicroseconds => [.. _samples.Select(sample => sample.CpuMicroseconds)];

    /// <summary>Operations a second, of each measurement.</summary>
    public IReadOnlyList<double> Rates => [.. _samples.Select(sample => sample.Rate)];

    /// <summary>How it went, for people: the figures, and who was busy.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{subject.Name}: {Spread.Of(CpuMicroseconds).Median:0.00} µs CPU, {Spread.Of(Rates).Median:#,0}/s, server {Busy(sample => sample.ServerBusy):0} % busy, load {Busy(sample => sample.LoadBusy):0} %");

    /// <summary>Measures all subjects in turn, after each has been warmed up.</summary>
    public static IReadOnlyList<SampleSeries> Take(BenchRun run, EventLoop loop, params IEnumerable<Subject?> subjects)
    {
        var all = subjects.OfType<Subject>().Select(subject => (Subject: subject, Series: new SampleSeries(subject))).ToList();
        foreach (var (subject, _) in all)
        {
            run.Say($"warming up {subject.Name}");
            subject.Take(loop, run.WarmUp);
        }
        for (var repetition = 0; repetition < run.Repetitions; repetition++)
        {
            foreach (var (subject, series) in all)
                series._samples.Add(subject.Take(loop, run.Window));
        }
        foreach (var (_, series) in all)
            run.Say(series.Summary);
        return [.. all.Select(pair => pair.Series)];
    }

    private double Busy(Func<Sample, double> share) => 100 * Spread.Of(_samples.Select(share)).Median;
}
