using Google.Protobuf;
using GrpcPresence.Cluster.V1;
using GrpcPresence.Cluster.Wire;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using LinkBatch = GrpcPresence.Core.Cluster.Channel.LinkBatch;
using LinkItems = GrpcPresence.Cluster.V1.LinkItems;
using NodeMessage = GrpcPresence.Cluster.V1.NodeMessage;

namespace GrpcPresence.Cluster.Tests.Wire;

/// <summary>What another version has sent, or what is not a message at all.</summary>
public sealed class OtherVersionTests
{
    private static readonly NodeId Sender = new("127.0.0.1:7001", 12);
    private static readonly NodeId Self = new("127.0.0.1:7002", 34);

    [Fact]
    public void A_message_of_a_later_version_is_unknown()
    {
        // Field 1000: a kind that does not exist yet.
        byte[] bytes = [.. NewMessage().ToByteArray(), 0xc2, 0x3e, 0x00];
        Assert.Equal(DecodeResult.Unknown, Decode(bytes, out _, out _));
    }

    [Fact]
    public void An_item_of_a_later_version_is_left_out_of_its_batch()
    {
        var message = NewMessage();
        message.LinkBatch = new() { Number = 3 };
        message.LinkBatch.Items.Add(NewDone(1));
        message.LinkBatch.Items.Add(LinkItems.Parser.ParseFrom((byte[])[0xc2, 0x3e, 0x00]));
        message.LinkBatch.Items.Add(new LinkItems { HandOver = new() { Id = 1 } });
        message.LinkBatch.Items.Add(new LinkItems { Result = new() { Call = 1 } });
        message.LinkBatch.Items.Add(new LinkItems { Request = new() { Kind = (V1.RequestKind)99 } });
        message.LinkBatch.Items.Add(NewDone(2));

        Assert.Equal(DecodeResult.Decoded, Decode(message.ToByteArray(), out var decoded, out var unknown));

        Assert.Equal(4, unknown);
        Assert.Equal([1, 2], ((LinkBatch)decoded!).Items.Select(item => ((ResultItem)item).Call));
    }

    [Fact]
    public void An_error_reason_of_a_later_version_is_an_internal_error()
    {
        var message = NewMessage();
        message.LinkBatch = new() { Number = 3 };
        message.LinkBatch.Items.Add(new LinkItems { Result = new() { Error = new() { Reason = 9999 } } });

        Assert.Equal(DecodeResult.Decoded, Decode(message.ToByteArray(), out var decoded, out _));

        var result = (ResultItem)((LinkBatch)decoded!).Items[0];
        Assert.Equal(ErrorReason.Internal, ((CallResult.Failed)result.Result).Error.Reason);
    }

    [Fact]
    public void A_message_to_another_run_of_the_node_is_not_read()
    {
        var message = NewMessage();
        message.LinkAcknowledgement = 1;
        message.ReceiverIncarnation = Self.Incarnation - 1;
        Assert.Equal(DecodeResult.OtherRun, Decode(message.ToByteArray(), out var decoded, out _));
        Assert.Null(decoded);
    }

    [Fact]
    public void Damaged_bytes_throw_nothing_and_give_no_impossible_value()
    {
        var random = new Random(1);
        foreach (var type in RandomValues.ConcreteTypes(typeof(Core.Cluster.Channel.NodeMessage)))
        {
            for (var seed = 0; seed < 300; seed++)
            {
                var message = (Core.Cluster.Channel.NodeMessage)new RandomValues(seed, ValueSize.Random).Create(type)!;
                var bytes = MessageCodec.Encode(Sender, Self, message);
                for (var changes = random.Next(1, 4); changes > 0; changes--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                var cut = random.Next(3) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;

                if (Decode(cut, out var decoded, out _) == DecodeResult.Decoded)
                    Assert.DoesNotContain("Shard(Number=-", Description.Of(decoded), StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(uint.MaxValue)]
    public void A_shard_that_does_not_exist_is_invalid(uint shard)
    {
        var message = NewMessage();
        message.LinkBatch = new() { Number = 3 };
        message.LinkBatch.Items.Add(new LinkItems { HandOver = new() { Shard = shard, Accepted = true } });
        Assert.Equal(DecodeResult.Invalid, Decode(message.ToByteArray(), out _, out _));
    }

    [Fact]
    public void Lists_of_heartbeats_that_do_not_fit_together_are_invalid()
    {
        var message = NewMessage();
        message.LinkBatch = new() { Number = 3 };
        var heartbeats = new Heartbeats();
        heartbeats.Calls.Add(1);
        message.LinkBatch.Items.Add(new LinkItems { Heartbeats = heartbeats });
        Assert.Equal(DecodeResult.Invalid, Decode(message.ToByteArray(), out _, out _));
    }

    private static NodeMessage NewMessage() => new()
    {
        Sender = new() { Name = Sender.Name, Incarnation = Sender.Incarnation },
        ReceiverIncarnation = Self.Incarnation,
    };

    private static LinkItems NewDone(long call)
    {
        var items = new LinkItems { Done = new() };
        items.Done.Calls.Add(call);
        return items;
    }

    private static DecodeResult Decode(byte[] bytes, out Core.Cluster.Channel.NodeMessage? message, out int unknownItems) =>
        MessageCodec.Decode(bytes, Self, out _, out message, out unknownItems);
}
