using GrpcPresence.Cluster.Wire;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Cluster.Tests.Wire;

/// <summary>
/// Whatever Core sends arrives as it was. The types are found by reflection: a message, an item or a property without a form on the wire
/// makes a test fail.
/// </summary>
public sealed class RoundTripTests
{
    private const int Rounds = 200;

    private static readonly NodeId Sender = new("127.0.0.1:7001", 12);
    private static readonly NodeId Receiver = new("127.0.0.1:7002", 34);

    public static TheoryData<string> Messages =>
    [
        .. RandomValues.ConcreteTypes(typeof(NodeMessage)).Where(type => type != typeof(SharedQuotaMessage)).Select(type => type.FullName!),
    ];

    public static TheoryData<string> Items => [.. RandomValues.ConcreteTypes(typeof(LinkItem)).Select(type => type.FullName!)];

    public static TheoryData<string> Results => [.. RandomValues.ConcreteTypes(typeof(CallResult)).Select(type => type.FullName!)];

    public static TheoryData<string> QuotaMessages => [.. RandomValues.ConcreteTypes(typeof(QuotaMessage)).Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_arrives_as_it_was_sent(string type) => CheckAll(type, value => (NodeMessage)value);

    [Theory]
    [MemberData(nameof(Items))]
    public void An_item_arrives_as_it_was_sent(string type) => CheckAll(type, value => new LinkBatch(1, [(LinkItem)value]));

    [Theory]
    [MemberData(nameof(Results))]
    public void A_result_arrives_as_it_was_sent(string type) =>
        CheckAll(type, value => new LinkBatch(1, [new ResultItem(7, (CallResult)value)]));

    [Theory]
    [MemberData(nameof(QuotaMessages))]
    public void A_message_about_quotas_arrives_as_it_was_sent(string type) =>
        CheckAll(type, value => new SharedQuotaMessage((QuotaMessage)value));

    [Fact]
    public void The_order_of_the_items_of_a_batch_stays()
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var values = new RandomValues(seed, ValueSize.Random);
            var items = Enumerable.Range(0, 300).Select(_ => (LinkItem)values.Create(typeof(LinkItem))!);
            Check(new LinkBatch(seed, [.. items]), $"seed {seed}");
        }
    }

    [Fact]
    public void Heartbeats_of_one_stream_share_it()
    {
        var values = new RandomValues(1, ValueSize.Random);
        var stream = new RoutedStream(new StreamId(Sender, 5), EndSessionsOnClose: true);
        var items = Enumerable.Range(0, 3)
            .Select(_ => (LinkItem)((HeartbeatItem)values.Create(typeof(HeartbeatItem))! with { Stream = stream }));

        var batch = (LinkBatch)RoundTrip(new LinkBatch(1, [.. items]));

        var streams = batch.Items.Cast<HeartbeatItem>().Select(item => item.Stream!).ToArray();
        Assert.Equal([stream, stream, stream], streams);
        Assert.Same(streams[0], streams[2]);
    }

    private static void CheckAll(string typeName, Func<object, NodeMessage> wrap)
    {
        var type = typeof(NodeMessage).Assembly.GetType(typeName)!;
        foreach (var size in new[] { ValueSize.Empty, ValueSize.Maximal })
            Check(wrap(new RandomValues(0, size).Create(type)!), $"{size}");
        for (var seed = 0; seed < Rounds; seed++)
            Check(wrap(new RandomValues(seed, ValueSize.Random).Create(type)!), $"seed {seed}");
    }

    private static void Check(NodeMessage message, string what)
    {
        var expected = Description.Of(message);
        var actual = Description.Of(RoundTrip(message));
        Assert.True(expected == actual, $"{what}:\n{expected}\n{actual}");
    }

    private static NodeMessage RoundTrip(NodeMessage message)
    {
        var bytes = MessageCodec.Encode(Sender, Receiver, message);
        var result = MessageCodec.Decode(bytes, Receiver, out var from, out var decoded, out var unknownItems);
        Assert.Equal((DecodeResult.Decoded, Sender, 0), (result, from, unknownItems));
        return decoded!;
    }
}
