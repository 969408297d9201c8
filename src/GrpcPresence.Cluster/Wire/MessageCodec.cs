using System.Collections.Immutable;
using Google.Protobuf;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Cluster.Wire;

/// <summary>
/// Converts messages of Core to bytes and back. The protos are the form: two versions of the server meet in one cluster during an upgrade,
/// so each kind of message has a mapping here, and a test fails for one that has none.
/// </summary>
internal static class MessageCodec
{
    /// <summary>Returns the bytes of a message.</summary>
    /// <param name="from">The run that sends it.</param>
    /// <param name="to">The run that is to receive it.</param>
    /// <param name="message">The message.</param>
    public static byte[] Encode(NodeId from, NodeId to, NodeMessage message)
    {
        var encoded = new V1.NodeMessage { Sender = Values.Encode(from), ReceiverIncarnation = to.Incarnation };
        switch (message)
        {
            case LinkBatch it:
                encoded.LinkBatch = LinkItems.Encode(it, from);
                break;
            case LinkAcknowledgement it:
                encoded.LinkAcknowledgement = it.Number;
                break;
            case ConfirmRequest it:
                encoded.ConfirmRequest = new() { Data = Values.Encode(it.Data), Renewal = it.Renewal, Round = it.Round };
                break;
            case ConfirmResponse it:
                encoded.ConfirmResponse = it.Round;
                break;
            case VoteRequest it:
                encoded.VoteRequest = EncodeEviction(it.Node, it.Data, it.Renewal);
                break;
            case Vote it:
                encoded.Vote = EncodeEviction(it.Node, it.Data, it.Renewal);
                break;
            case VoteRefused it:
                encoded.VoteRefused = new() { Eviction = EncodeEviction(it.Node, it.Data, it.Renewal), Obstacle = Encode(it.Obstacle) };
                break;
            case DataCheckRequest it:
                encoded.DataCheckRequest = Values.Encode(it.Data);
                break;
            case DataCheckResponse it:
                encoded.DataCheckResponse = new() { Data = Values.Encode(it.Data), KnownFor = it.KnownFor.Ticks };
                break;
            case WatchedServices it:
                encoded.WatchedServices = new() { Number = it.Number };
                Values.Add(encoded.WatchedServices.Services, it.Services);
                break;
            case WatchedChange it:
                encoded.WatchedChange = new() { Number = it.Number };
                Values.Add(encoded.WatchedChange.Added, it.Added);
                Values.Add(encoded.WatchedChange.Removed, it.Removed);
                break;
            case WatchedRequest:
                encoded.WatchedRequest = new();
                break;
            case CommitHint it:
                encoded.CommitHint = new() { Data = Values.Encode(it.Data) };
                foreach (var commit in it.Commits)
                    encoded.CommitHint.Commits.Add(Commits.Encode(commit));
                break;
            case HolderHint it:
                encoded.HolderHint = new() { Data = Values.Encode(it.Data) };
                encoded.HolderHint.Shards.AddRange(it.Shards.Select(Encode));
                break;
            case NodeStatus it:
                encoded.NodeStatus = new()
                {
                    IsLeaving = it.IsLeaving,
                    IsStoreAway = it.IsStoreAway,
                    Number = it.Number,
                    Watched = it.Watched,
                };
                break;
            case SharedQuotaMessage it:
                encoded.Quota = Quotas.Encode(it.Message);
                break;
            default:
                throw new NotSupportedException($"The message {message.GetType().Name} has no form on the wire.");
        }
        return encoded.ToByteArray();
    }

    /// <summary>Reads a message. It never throws an exception, whatever the bytes are.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="self">The run that has received them.</param>
    /// <param name="from">The sender, if it could be read.</param>
    /// <param name="message">The message if it was read.</param>
    /// <param name="unknownItems">The items of a later version that were left out of it.</param>
    public static DecodeResult Decode(
        ReadOnlySpan<byte> bytes, NodeId self, out NodeId from, out NodeMessage? message, out int unknownItems)
    {
        (from, message, unknownItems) = (default, null, 0);
        try
        {
            var encoded = V1.NodeMessage.Parser.ParseFrom(bytes);
            from = Values.Decode(encoded.Sender);
            if (encoded.ReceiverIncarnation != self.Incarnation)
                return DecodeResult.OtherRun;
            message = Decode(encoded, from, ref unknownItems);
            return message is null ? DecodeResult.Unknown : DecodeResult.Decoded;
        }
        catch (Exception)
        {
            // The parser, and conversions of what it has read: a missing part, ticks out of range, a number out of range.
            return DecodeResult.Invalid;
        }
    }

    private static NodeMessage? Decode(V1.NodeMessage encoded, NodeId from, ref int unknownItems)
    {
        switch (encoded.MessageCase)
        {
            case V1.NodeMessage.MessageOneofCase.LinkBatch:
                return LinkItems.Decode(encoded.LinkBatch, from, ref unknownItems);
            case V1.NodeMessage.MessageOneofCase.LinkAcknowledgement:
                return new LinkAcknowledgement(encoded.LinkAcknowledgement);
            case V1.NodeMessage.MessageOneofCase.ConfirmRequest:
                var request = encoded.ConfirmRequest;
                return new ConfirmRequest(Values.Decode(request.Data), request.Renewal, request.Round);
            case V1.NodeMessage.MessageOneofCase.ConfirmResponse:
                return new ConfirmResponse(encoded.ConfirmResponse);
            case V1.NodeMessage.MessageOneofCase.VoteRequest:
                var (candidate, candidateData, candidateRenewal) = Decode(encoded.VoteRequest);
                return new VoteRequest(candidate, candidateData, candidateRenewal);
            case V1.NodeMessage.MessageOneofCase.Vote:
                var (node, data, renewal) = Decode(encoded.Vote);
                return new Vote(node, data, renewal);
            case V1.NodeMessage.MessageOneofCase.VoteRefused:
                var (kept, keptData, keptRenewal) = Decode(encoded.VoteRefused.Eviction);
                return new VoteRefused(kept, keptData, keptRenewal, Decode(encoded.VoteRefused.Obstacle));
            case V1.NodeMessage.MessageOneofCase.DataCheckRequest:
                return new DataCheckRequest(Values.Decode(encoded.DataCheckRequest));
            case V1.NodeMessage.MessageOneofCase.DataCheckResponse:
                return new DataCheckResponse(
                    Values.Decode(encoded.DataCheckResponse.Data), TimeSpan.FromTicks(encoded.DataCheckResponse.KnownFor));
            case V1.NodeMessage.MessageOneofCase.WatchedServices:
                var watched = encoded.WatchedServices;
                return new WatchedServices([.. Values.Decode(watched.Services)], watched.Number);
            case V1.NodeMessage.MessageOneofCase.WatchedChange:
                var change = encoded.WatchedChange;
                return new WatchedChange(change.Number, [.. Values.Decode(change.Added)], [.. Values.Decode(change.Removed)]);
            case V1.NodeMessage.MessageOneofCase.WatchedRequest:
                return new WatchedRequest();
            case V1.NodeMessage.MessageOneofCase.CommitHint:
                return new CommitHint(
                    Values.Decode(encoded.CommitHint.Data), [.. encoded.CommitHint.Commits.Select(commit => Commits.Decode(commit))]);
            case V1.NodeMessage.MessageOneofCase.HolderHint:
                return new HolderHint(Values.Decode(encoded.HolderHint.Data), Decode(encoded.HolderHint));
            case V1.NodeMessage.MessageOneofCase.NodeStatus:
                var status = encoded.NodeStatus;
                return new NodeStatus(status.IsLeaving, status.IsStoreAway, status.Number, status.Watched);
            case V1.NodeMessage.MessageOneofCase.Quota:
                return Quotas.Decode(encoded.Quota) is { } quota ? new SharedQuotaMessage(quota) : null;
            default:
                return null;
        }
    }

    private static V1.ShardHolder Encode(ShardHolder holder) =>
        new() { Shard = (uint)holder.Shard.Number, Node = Values.Encode(holder.Node), Epoch = holder.Epoch };

    private static ImmutableArray<ShardHolder> Decode(V1.HolderHint hint) =>
    [
        .. hint.Shards.Select(holder => new ShardHolder(
            Values.DecodeShard(holder.Shard), Values.DecodeOptional(holder.Node), holder.Epoch)),
    ];

    private static V1.Eviction EncodeEviction(NodeId node, DataIdentity data, long renewal) =>
        new() { Node = Values.Encode(node), Data = Values.Encode(data), Renewal = renewal };

    private static (NodeId Node, DataIdentity Data, long Renewal) Decode(V1.Eviction eviction) =>
        (Values.Decode(eviction.Node), Values.Decode(eviction.Data), eviction.Renewal);

    private static V1.VoteObstacle Encode(VoteObstacle obstacle) => obstacle switch
    {
        VoteObstacle.Promised => V1.VoteObstacle.Promised,
        VoteObstacle.JustStarted => V1.VoteObstacle.JustStarted,
        VoteObstacle.OtherData => V1.VoteObstacle.OtherData,
        VoteObstacle.NotInView => V1.VoteObstacle.NotInView,
        _ => throw new NotSupportedException($"The obstacle {obstacle} has no form on the wire."),
    };

    // Only an operator sees it. One of a later version is shown as the most general one.
    private static VoteObstacle Decode(V1.VoteObstacle obstacle) => obstacle switch
    {
        V1.VoteObstacle.Promised => VoteObstacle.Promised,
        V1.VoteObstacle.JustStarted => VoteObstacle.JustStarted,
        V1.VoteObstacle.NotInView => VoteObstacle.NotInView,
        _ => VoteObstacle.OtherData,
    };
}
