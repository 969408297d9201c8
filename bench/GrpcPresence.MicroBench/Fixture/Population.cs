using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// Users of a service instance of their own, each with one session that lives for a day, and all stored: a heartbeat finds nothing left to write.
/// </summary>
internal sealed class Population
{
    private readonly int _count;

    /// <param name="world">Where they live.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="ticks">Over how many ticks their first heartbeats are spread, and so over how many slots of the wheel they are.</param>
    public Population(World world, int count, int ticks)
    {
        _count = count;
        Service = world.NewService(Limits.MaxSessionTimeout);
        for (var tick = 0; tick < ticks; tick++)
        {
            for (var user = tick; user < count; user += ticks)
            {
                var visit = Sample.Visit(user);
                world.Tracker.Beat(Service, visit.Address, visit.Session, stream: null);
            }
            world.Write();
            world.PassTick();
        }
    }

    /// <summary>The service instance.</summary>
    public CachedService Service { get; }

    /// <summary>
    /// A heartbeat of each, in no order. The texts are as requests bring them: equal to the tracked ones, but other objects, and made one after the
    /// other, so that only what is tracked has to be fetched from all over the memory.
    /// </summary>
    public Visit[] Shuffled()
    {
        var users = Enumerable.Range(0, _count).ToArray();
        new Random(1).Shuffle(users);
        return Array.ConvertAll(users, Sample.Visit);
    }
}
