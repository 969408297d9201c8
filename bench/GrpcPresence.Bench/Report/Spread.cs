using System.Globalization;

namespace GrpcPresence.Bench.Report;

/// <summary>A figure of several repetitions.</summary>
/// <param name="Median">The median.</param>
/// <param name="Least">The minimum.</param>
/// <param name="Most">The maximum.</param>
internal sealed record Spread(double Median, double Least, double Most)
{
    /// <summary>Returns the spread of the repetitions.</summary>
    public static Spread Of(IEnumerable<double> figures)
    {
        var sorted = figures.Order().ToArray();
        return new Spread((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }

    /// <summary>
    /// Returns the spread of the ratios of paired measurements. Both of a pair see the same state of the machine, which a ratio of two
    /// medians would ignore.
    /// </summary>
    public static Spread OfRatios(IReadOnlyList<double> figures, IReadOnlyList<double> @base) =>
        Of(figures.Select((figure, repetition) => figure / @base[repetition]));

    /// <summary>Returns the median, followed by the spread.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Median:G3} ({Least:G3}–{Most:G3})");
}
