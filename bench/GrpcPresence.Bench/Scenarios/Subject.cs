using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>A server and the load under which it is measured.</summary>
internal sealed record Subject(string Name, ServerProcess Server, ILoad Load)
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(30);

    /// <summary>Switches the load on, measures, and switches it off again, so that only one subject at a time has work.</summary>
    public Sample Take(EventLoop loop, TimeSpan window)
    {
        Load.Start();
        loop.RunFor(window / 10);
        var sample = Sample.Take(Server, () => Load.Operations, () => loop.RunFor(window));
        Load.Stop();
        loop.RunUntil(() => Load.IsIdle, DrainLimit, $"{Name} completes open operations");
        return sample;
    }
}
