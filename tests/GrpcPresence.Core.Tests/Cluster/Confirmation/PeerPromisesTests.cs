using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

public sealed class PeerPromisesTests
{
    private static readonly NodeId X = new("x", 1);
    private static readonly NodeId Other = new("y", 1);
    private static readonly ClusterView WithX = new(5, [X, Other]);
    private static readonly ClusterView LaterWithoutX = new(6, [Other]);

    private readonly PeerPromises _promises = new(TimeSpan.FromMinutes(-1));

    [Fact]
    public void OneHolder_no_vote_is_given_while_a_promise_stands()
    {
        Assert.True(_promises.TryConfirm(X, 3, WithX, At(100)));
        Assert.False(_promises.TryVote(X, 3, At(1099), out _));
        Assert.True(_promises.TryVote(X, 3, At(1100), out _));
    }

    [Fact]
    public void OneHolder_a_new_run_does_not_vote_while_promises_of_the_run_before_may_stand()
    {
        var promises = new PeerPromises(At(500));
        Assert.False(promises.TryVote(X, 3, At(1499), out _));
        Assert.True(promises.TryVote(X, 3, At(1500), out _));
    }

    [Fact]
    public void OneHolder_a_later_promise_stands_longer()
    {
        _promises.TryConfirm(X, 3, WithX, At(0));
        _promises.TryConfirm(X, 3, WithX, At(800));
        Assert.False(_promises.TryVote(X, 3, At(1000), out _));
    }

    [Fact]
    public void OneHolder_after_a_vote_no_request_that_names_the_renewal_is_confirmed()
    {
        Assert.True(_promises.TryVote(X, 3, At(0), out _));
        Assert.False(_promises.TryConfirm(X, 2, WithX, At(1)));
        Assert.False(_promises.TryConfirm(X, 3, WithX, At(1)));
    }

    [Fact]
    public void A_vote_that_was_not_used_does_not_stop_a_node_that_has_renewed_since()
    {
        _promises.TryVote(X, 3, At(0), out _);
        Assert.True(_promises.TryConfirm(X, 4, WithX, At(1)));
    }

    [Fact]
    public void OneHolder_a_vote_for_an_earlier_renewal_does_not_replace_a_later_one()
    {
        _promises.TryVote(X, 3, At(0), out _);
        _promises.TryVote(X, 2, At(0), out _);
        Assert.False(_promises.TryConfirm(X, 3, WithX, At(1)));
    }

    [Fact]
    public void A_node_that_the_view_lacks_is_not_confirmed() => Assert.False(_promises.TryConfirm(X, 3, LaterWithoutX, At(0)));

    [Fact]
    public void OneHolder_a_vote_is_remembered_when_the_view_does_not_show_the_node_yet()
    {
        _promises.Forget(new ClusterView(4, [Other]), At(0));
        _promises.TryVote(X, 3, At(0), out _);
        _promises.Forget(new ClusterView(4, [Other]), At(60_000));
        _promises.Forget(WithX, At(120_000));
        Assert.False(_promises.TryConfirm(X, 3, WithX, At(120_001)));
    }

    [Fact]
    public void OneHolder_a_node_that_is_gone_is_not_confirmed_by_an_earlier_view_when_its_vote_is_forgotten()
    {
        _promises.Forget(WithX, At(0));
        _promises.TryVote(X, 3, At(0), out _);
        _promises.Forget(LaterWithoutX, At(1));

        Assert.False(_promises.TryConfirm(X, 3, WithX, At(2)));
    }

    [Fact]
    public void OneHolder_a_promise_is_remembered_as_long_as_it_stands()
    {
        _promises.TryConfirm(X, 3, WithX, At(0));
        _promises.Forget(WithX, At(999));
        _promises.Forget(LaterWithoutX, At(999));
        Assert.False(_promises.TryVote(X, 3, At(999), out _));
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
