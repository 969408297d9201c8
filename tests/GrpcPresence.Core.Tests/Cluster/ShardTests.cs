using System.Globalization;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster;

public sealed class ShardTests
{
    private static readonly ServiceSid Service = new(UInt128.Parse("123456789abcdef0123456789abcdef0", NumberStyles.HexNumber));

    [Theory]
    [InlineData("ada", 120)]
    [InlineData("Zoë", 682)]
    [InlineData("a longer identity, which does not fit into one register", 711)]
    public void Stable_the_shard_of_a_user_is_the_same_in_every_process_and_version(string identity, int expected) =>
        Assert.Equal(expected, Shard.Of(Service, World.Id(identity)).Number);

    [Fact]
    public void Stable_the_home_shard_of_a_service_instance_is_the_same_in_every_process_and_version() =>
        Assert.Equal(806, Shard.Of(Service).Number);

    [Fact]
    public void The_longest_identity_has_a_shard() =>
        Assert.InRange(Shard.Of(Service, World.Id(string.Concat(Enumerable.Repeat("\U0001F600", 256)))).Number, 0, Shard.Count - 1);

    [Fact]
    public void Similar_identities_are_spread_evenly()
    {
        var counts = new int[Shard.Count];
        for (var user = 0; user < 100 * Shard.Count; user++)
            counts[Shard.Of(Service, World.Id($"user-{user:D7}")).Number]++;
        // Six standard deviations of a random spread.
        Assert.All(counts, count => Assert.InRange(count, 40, 160));
    }
}
