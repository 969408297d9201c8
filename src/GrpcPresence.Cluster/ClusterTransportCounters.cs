namespace GrpcPresence.Cluster;

/// <summary>What a transport did since its creation, in messages.</summary>
/// <param name="Sent">Given to the connections. Some of them may be lost.</param>
/// <param name="DroppedNotInView">Not sent, because the view lacks the receiver, or the transport has ended.</param>
/// <param name="DroppedFull">Not sent, because too many bytes are on their way to the receiver.</param>
/// <param name="FailedSends">Not sent, because the silo could not take them.</param>
/// <param name="Received">Given to the handler.</param>
/// <param name="DroppedUnknown">Of a later version, which this one does not know. Items of a link count like messages.</param>
/// <param name="DroppedInvalid">Could not be read.</param>
/// <param name="DroppedOtherRun">Sent to an earlier or later run of this node.</param>
/// <param name="DroppedOverload">Not given to the handler, because too many bytes waited for it.</param>
/// <param name="FailedHandlers">Lost, because the handler threw an exception. They count as received too.</param>
public sealed record ClusterTransportCounters(
    long Sent,
    long DroppedNotInView,
    long DroppedFull,
    long FailedSends,
    long Received,
    long DroppedUnknown,
    long DroppedInvalid,
    long DroppedOtherRun,
    long DroppedOverload,
    long FailedHandlers);
