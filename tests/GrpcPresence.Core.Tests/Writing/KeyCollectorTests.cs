using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>What a batch reads.</summary>
public sealed class KeyCollectorTests
{
    [Fact]
    public void A_transition_reads_the_whole_user_where_a_publisher_needs_it_whatever_the_SID()
    {
        var keys = new BatchKeys();
        var watched = new Watched();
        var collector = new KeyCollector(keys, [watched]);
        collector.Begin();

        collector.Transition(new ServiceSid(0), World.Id("ada"), userId: 1);
        watched.Needs = false;
        collector.Transition(new ServiceSid(1), World.Id("ada"), userId: 2);

        Assert.Equal((1, 0), (keys.Services[0].Users.Count, keys.Services[0].Presences.Count));
        Assert.Equal((0, 1), (keys.Services[1].Users.Count, keys.Services[1].Presences.Count));
    }

    private sealed class Watched : ICommitPublisher
    {
        public bool Needs { get; set; } = true;

        public bool NeedsUsers(ServiceSid service) => Needs;

        public void Publish(IReadOnlyList<ServiceCommit> commits)
        {
        }
    }
}
