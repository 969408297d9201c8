using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tests.Cluster.Simulation;

namespace GrpcPresence.Core.Tests.Cluster.Node;

public sealed class ClockComparisonTests
{
    private readonly SimulatedTime _time = new();
    private readonly ClockComparison _comparison;
    private readonly DateTimeOffset _sentAt;

    public ClockComparisonTests()
    {
        _comparison = new ClockComparison(new NodeClock(_time));
        _sentAt = _time.GetUtcNow();
    }

    [Theory]
    [InlineData(-300, -300)] // the store read its clock after the request was sent
    [InlineData(0, 0)]
    [InlineData(400, 0)] // and before the answer came
    [InlineData(1000, 0)]
    [InlineData(1300, 300)]
    public void The_time_that_an_answer_takes_does_not_count_as_a_difference(int storeTime, int difference)
    {
        _time.Advance(TimeSpan.FromMilliseconds(1000));

        _comparison.Note(_sentAt, _sentAt + TimeSpan.FromMilliseconds(storeTime));

        Assert.Equal(TimeSpan.FromMilliseconds(-difference), _comparison.Ahead);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_difference_up_to_the_limit_is_tolerable(int direction)
    {
        Assert.True(_comparison.IsTolerable);
        _comparison.Note(_sentAt, _sentAt + (direction * Limits.ClockDifference));
        Assert.True(_comparison.IsTolerable);
        Assert.Null(_comparison.Problem);

        _comparison.Note(_sentAt, _sentAt + (direction * (Limits.ClockDifference + TimeSpan.FromTicks(1))));

        Assert.False(_comparison.IsTolerable);
        Assert.NotNull(_comparison.Problem);
    }
}
