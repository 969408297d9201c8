using System.Globalization;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>What a noisy tenant was granted and denied per second, and how busy the server was.</summary>
internal sealed record NoiseSample(double Heartbeats, double RefusedHeartbeats, double Watches, double RefusedWatches, double ServerBusy)
{
    /// <summary>Measures it during an action.</summary>
    public static NoiseSample Take(ServerProcess server, NoisyTenant tenant, Action act)
    {
        var (refused, watches, refusedWatches) = (tenant.Refused, tenant.Watches, tenant.RefusedWatches);
        var sample = Sample.Take(server, () => tenant.Operations, act);
        var seconds = sample.Elapsed.TotalSeconds;
        return new NoiseSample(
            sample.Rate, (tenant.Refused - refused) / seconds, (tenant.Watches - watches) / seconds,
            (tenant.RefusedWatches - refusedWatches) / seconds,
            sample.ServerBusy);
    }

    /// <summary>Describes the medians of several samples for people.</summary>
    public static string Describe(IReadOnlyList<NoiseSample> samples)
    {
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Median(one => one.Heartbeats):#,0} heartbeats/s granted and {Median(one => one.RefusedHeartbeats):#,0} rejected, "
            + $"{Median(one => one.Watches):#,0} watches/s and {Median(one => one.RefusedWatches):#,0}, "
            + $"server {100 * Median(one => one.ServerBusy):0} % busy");

        double Median(Func<NoiseSample, double> figure) => Spread.Of(samples.Select(figure)).Median;
    }
}
