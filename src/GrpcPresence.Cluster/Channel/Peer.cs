using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Channel;

/// <summary>
/// Another run of a node, as a receiver of messages. It counts the bytes on their way there, because the queue of a connection of Orleans
/// has no bound. Safe from any thread.
/// </summary>
/// <remarks>
/// 1. Each message counts when it is sent.
/// 2. A message without an answer does not say when it has arrived. So a probe follows it once enough bytes are on their way. A connection
///    keeps the order, so the answer shows that everything before the probe has arrived, or never will.
/// 3. While the bound is reached, messages are dropped. A probe without an answer proves nothing, so nothing is released: what hangs in a
///    connection may hang there as long as TCP tries. The next probe follows with a later message.
/// </remarks>
internal sealed class Peer(NodeId id, INodeService service)
{
    /// <summary>
    /// The bytes that may be on their way. A link has at most one batch of <see cref="Core.Domain.Limits.LinkBatchBytes"/> on its way, and
    /// repeats it four times a second; hints and hand-overs come beside that.
    /// </summary>
    public const long MaxBytes = 16 * 1024 * 1024;

    /// <summary>One probe for a quarter of a batch costs nothing.</summary>
    private const long ProbeBytes = 256 * 1024;

    /// <summary>The pause after a probe that was not answered.</summary>
    private static readonly TimeSpan ProbePause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new(); // guards the fields; nothing is called under it
    private long _pending;
    private bool _isProbing;
    private long _lastFailure;
    private bool _hasFailed;

    /// <summary>The run of the node.</summary>
    public NodeId Id => id;

    /// <summary>Sends a message, unless too many bytes are on their way. Returns whether it was sent.</summary>
    public bool TrySend(byte[] message, TimeProvider time)
    {
        long probed = 0;
        var isSent = false;
        lock (_gate)
        {
            if (_pending + message.Length <= MaxBytes)
            {
                _pending += message.Length;
                isSent = true;
            }
            if (_pending >= ProbeBytes && !_isProbing && !(_hasFailed && time.GetElapsedTime(_lastFailure) < ProbePause))
            {
                _isProbing = true;
                probed = _pending;
            }
        }
        if (isSent)
            _ = service.Deliver(message);
        if (probed > 0)
            _ = ProbeAsync(probed, time);
        return isSent;
    }

    private async Task ProbeAsync(long sent, TimeProvider time)
    {
        var isAnswered = false;
        try
        {
            await service.Probe().ConfigureAwait(false);
            isAnswered = true;
        }
        catch (Exception)
        {
            // It was not answered in time, or the connection has failed. The next one will show.
        }
        lock (_gate)
        {
            _isProbing = false;
            _hasFailed = !isAnswered;
            if (isAnswered)
                _pending -= sent;
            else
                _lastFailure = time.GetTimestamp();
        }
    }
}
