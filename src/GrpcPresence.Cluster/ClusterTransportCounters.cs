namespace GrpcPresence.Cluster;

/// <summary>What a transport did since its creation.</summary>
/// <param name="Sent">The messages that were given to the connections. Some of them may be lost.</param>
/// <param name="DroppedNotInView">The messages that were not sent, because the view lacks their receiver.</param>
/// <param name="DroppedFull">The messages that were not sent, because too many bytes are on their way to the receiver.</param>
/// <param name="Received">The messages that were given to the handler.</param>
/// <param name="DroppedUnknown">The messages of a later version that this one does not know.</param>
/// <param name="DroppedInvalid">The messages that could not be read.</param>
/// <param name="DroppedOtherRun">The messages that were sent to an earlier or later run of this node.</param>
/// <param name="Failed">The messages whose handler threw an exception.</param>
public sealed record ClusterTransportCounters(
    long Sent,
    long DroppedNotInView,
    long DroppedFull,
    long Received,
    long DroppedUnknown,
    long DroppedInvalid,
    long DroppedOtherRun,
    long Failed);
