using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>What a node says to its peers about data. The rest of the protocol runs in <see cref="OneHolderTests"/>.</summary>
public sealed class ConfirmationProtocolTests : IClusterView, INodeChannel
{
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId X = new("x", 1);
    private static readonly DataIdentity Data = new("model", Timeline: 1);
    private static readonly DataIdentity Other = new("model", Timeline: 2);

    private readonly ConfirmationProtocol _protocol;
    private readonly List<NodeMessage> _sent = [];

    public ConfirmationProtocolTests()
    {
        _protocol = new ConfirmationProtocol(this, this, At(0));
        _protocol.Begin(At(0));
    }

    public NodeId Self { get; } = new("a", 1);

    public ClusterView Current => new(7, [Self, B]);

    void INodeChannel.Send(NodeId receiver, NodeMessage message) => _sent.Add(message);

    [Fact]
    public void OneHolder_a_node_is_confirmed_only_if_it_knows_the_data_that_this_node_knows()
    {
        SetData(Other);
        Receive(new ConfirmRequest(Data, Renewal: 3, Round: 1));
        Assert.Empty(_sent);
        Receive(new ConfirmRequest(Other, Renewal: 3, Round: 2));
        Assert.Equal([new ConfirmResponse(2)], _sent);
    }

    [Fact]
    public void OneHolder_a_node_votes_only_about_the_data_that_it_knows()
    {
        SetData(Other);
        Receive(new VoteRequest(X, Data, 9), at: 2000);
        Assert.Equal([new VoteRefused(X, Data, 9, VoteObstacle.OtherData)], _sent);
        Receive(new VoteRequest(X, Other, 9), at: 2000);
        Assert.Equal(new Vote(X, Other, 9), _sent[^1]);
    }

    [Fact]
    public void OneHolder_a_node_confirms_and_votes_for_nobody_before_its_first_poll()
    {
        Receive(new ConfirmRequest(default, Renewal: 3, Round: 1));
        Assert.Empty(_sent);
        Receive(new VoteRequest(X, default, 9), at: 2000);
        Assert.Equal([new VoteRefused(X, default, 9, VoteObstacle.OtherData)], _sent);
    }

    [Fact]
    public void A_node_that_does_not_vote_says_why()
    {
        SetData(Data);
        Receive(new VoteRequest(B, Data, 9), at: 999);
        Receive(new ConfirmRequest(Data, Renewal: 9, Round: 1), at: 1000);
        Receive(new VoteRequest(B, Data, 9), at: 1999);
        Receive(new VoteRequest(B, Data, 9), at: 2000);
        Assert.Equal(
            [
                new VoteRefused(B, Data, 9, VoteObstacle.JustStarted), new ConfirmResponse(1),
                new VoteRefused(B, Data, 9, VoteObstacle.Promised), new Vote(B, Data, 9),
            ],
            _sent);
    }

    [Fact]
    public void OneHolder_a_node_says_that_it_knows_data_only_if_it_does_and_since_when()
    {
        SetData(Data);
        Receive(new DataCheckRequest(Other), at: 100);
        Assert.Empty(_sent);
        SetData(Other, at: 200);
        Receive(new DataCheckRequest(Other), at: 700);
        Assert.Equal([new DataCheckResponse(Other, At(500))], _sent);
    }

    [Fact]
    public void A_node_that_has_not_polled_holds_nothing_by_any_data()
    {
        Receive(new DataCheckRequest(Other), at: 5000);
        Assert.Equal([new DataCheckResponse(Other, TimeSpan.Zero)], _sent);
    }

    [Fact]
    public void A_peer_or_a_store_that_names_other_data_makes_the_node_poll_once()
    {
        SetData(Data);
        Assert.False(_protocol.TakeOtherData());
        Receive(new DataCheckRequest(Data));
        Assert.False(_protocol.TakeOtherData());
        Receive(new DataCheckRequest(Other));
        Assert.True(_protocol.TakeOtherData());
        Assert.False(_protocol.TakeOtherData());

        Assert.True(_protocol.TryBeginRenewal(At(0), out var renewal, out _));
        _protocol.CompleteRenewal(renewal.Number, Other, [Self, B], At(1));

        Assert.True(_protocol.TakeOtherData());
    }

    [Fact]
    public void OneHolder_an_answer_about_data_that_the_node_knows_no_more_does_not_count()
    {
        SetData(Data);
        SetData(Other);
        Receive(new DataCheckResponse(Data, At(5000)));
        _protocol.Tick(At(1));
        Assert.False(_protocol.MayTakeOver);
        Receive(new DataCheckResponse(Other, At(5000)));
        _protocol.Tick(At(2));
        Assert.True(_protocol.MayTakeOver);
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private void SetData(DataIdentity data, int at = 0) => _protocol.SetData(data, At(at));

    private void Receive(NodeMessage message, int at = 0) => Assert.True(_protocol.Receive(B, message, At(at)));
}
