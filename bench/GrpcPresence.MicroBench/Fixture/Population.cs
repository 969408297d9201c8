using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// Users of a separate service instance, each with one session that lives for a day. All are stored, so that a heartbeat has nothing to
/// write.
/// </summary>
internal sealed class Population
{
    private readonly int _count;

    /// <param name="world">The world.</param>
    /// <param name="count">The number of users.</param>
    /// <param name="ticks">
    /// The number of ticks over which their first heartbeats are spread, and so the number of slots of the wheel.
    /// </param>
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
    /// Returns a heartbeat of each user, in random order. The texts are equal to the tracked ones but separate objects, as in requests.
    /// They are allocated one after the other, so that only tracked data is spread over the memory.
    /// </summary>
    public Visit[] Shuffled()
    {
        var users = Enumerable.Range(0, _count).ToArray();
        new Random(1).Shuffle(users);
        return Array.ConvertAll(users, Sample.Visit);
    }
}
