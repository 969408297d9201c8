using System.Globalization;

namespace GrpcPresence.Bench.Report;

/// <summary>A figure of several repetitions.</summary>
/// <param name="Median">The median.</param>
/// <param name="Least">The least.</param>
/// <param name="Most">The most.</param>
internal sealed record Spread(double Median, double Least, double Most)
{
    /// <summary>The figures of the repetitions.</summary>
    public static Spread Of(IEnumerable<double> figures)
    {
        var sorted = figures.Order().ToArray();
        return new Spread((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }

    /// <summary>
    /// The ratios of what was measured in pairs: each pair shares the machine's mood, which a ratio of two medians would not.
    /// </summary>
    public static Spread OfRatios(IReadOnlyList<double> figures, IReadOnlyList<double> @base) =>
        Of(figures.Select((figure, repetition) => figure / @base[repetition]));

    /// <summary>The median, and the spread behind it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Median:G3} ({Least:G3}–{Most:G3})");
}
