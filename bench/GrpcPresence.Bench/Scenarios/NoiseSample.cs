using System.Globalization;
using GrpcPresence.Bench.Peers;
using GrpcPresence.Bench.Report;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>What a noisy tenant was granted and denied per second, and how busy the server was.</summary>
internal sealed record NoiseSample(double Heartbeats, double RejectedHeartbeats, double Watches, double RejectedWatches, double ServerBusy)
{
    /// <summary>Measures it during an action.</summary>
    public static NoiseSample Take(ServerProcess server, NoisyTenant tenant, Action act)
    {
        var (rejected, watches, rejectedWatches) = (tenant.Rejected, tenant.Watches, tenant.RejectedWatches);
        var sample = Sample.Take(server, () => tenant.Operations, act);
        var seconds = sample.Elapsed.TotalSeconds;
        return new NoiseSample(
            sample.Rate, (tenant.Rejected - rejected) / seconds, (tenant.Watches - watches) / seconds,
            (tenant.RejectedWatches - rejectedWatches) / seconds,
            sample.ServerBusy);
    }

    /// <summary>Describes the medians of several samples for people.</summary>
    public static string Describe(IReadOnlyList<NoiseSample> samples)
    {
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Median(one => one.Heartbeats):#,0} heartbeats/s granted and {Median(one => one.RejectedHeartbeats):#,0} rejected, "
            + $"{Median(one => one.Watches):#,0} watches/s and {Median(one => one.RejectedWatches):#,0}, "
            + $"server {100 * Median(one => one.ServerBusy):0} % busy");

        double Median(Func<NoiseSample, double> figure) => Spread.Of(samples.Select(figure)).Median;
    }
}
