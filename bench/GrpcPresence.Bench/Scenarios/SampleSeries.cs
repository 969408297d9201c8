using System.Globalization;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>Several measurements of one subject, alternating with those of others.</summary>
internal sealed class SampleSeries(Subject subject)
{
    private readonly List<Sample> _samples = [];

    /// <summary>CPU time per operation, in microseconds, of each measurement.</summary>
    public IReadOnlyList<double> CpuMicroseconds => [.. _samples.Select(sample => sample.CpuMicroseconds)];

    /// <summary>The figures and the utilization, for people.</summary>
    public string Summary => $"{subject.Name}: {Describe(_samples)}";

    /// <summary>The utilization, for people. A server that uses its whole core did not wait for the load.</summary>
    public string Evidence => $"{subject.Name}: {Busy(_samples)}";

    /// <summary>Describes the figures of several measurements for people.</summary>
    public static string Describe(IReadOnlyList<Sample> samples) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Median(samples, sample => sample.CpuMicroseconds):0.00} µs CPU, {Median(samples, sample => sample.Rate):#,0}/s, "
        + $"{Busy(samples)}");

    /// <summary>Describes the utilization.</summary>
    public static string Busy(IReadOnlyList<Sample> samples) => string.Create(
        CultureInfo.InvariantCulture,
        $"server {100 * Median(samples, sample => sample.ServerBusy):0} % busy, "
        + $"load {100 * Median(samples, sample => sample.LoadBusy):0} %");

    /// <summary>Warms up each subject, and then measures all in turn.</summary>
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

    private static double Median(IReadOnlyList<Sample> samples, Func<Sample, double> figure) => Spread.Of(samples.Select(figure)).Median;
}
