using Grpc.Core;
using GrpcPresence.Client.Connections;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// Decides between heartbeat streams and single calls:
/// <list type="number">
/// <item>Streams break where nothing comes from the server itself: try a single call.</item>
/// <item>It works, and the next stream breaks again: something in between breaks streams. Keep to single calls for a while.</item>
/// <item>A server that was only away is back for both.</item>
/// </list>
/// </summary>
internal sealed class StreamFallback
{
    private const int FailedStreamsBeforeUnary = 2;

    private int _failedStreams; // in a row, without an answer of the server
    private bool _triedUnary;

    /// <summary>Whether a single call has worked since a stream last did.</summary>
    public bool UnaryWorks { get; private set; }

    /// <summary>Returns whether the next attempt is a single call.</summary>
    public bool IsUnaryNext() => _triedUnary = !_triedUnary && _failedStreams >= FailedStreamsBeforeUnary;

    /// <summary>A single call was answered.</summary>
    public void NoteUnaryWorked() => UnaryWorks = true;

    /// <summary>A stream carried an answer.</summary>
    public void NoteStreamWorked() => (_failedStreams, UnaryWorks) = (0, false);

    /// <summary>A stream ended without having carried an answer.</summary>
    public void NoteStreamBroke(CallError error)
    {
        if (error.IsOfServer)
            _failedStreams = 0;
        else if (error.Status.StatusCode == StatusCode.Unimplemented)
            _failedStreams = FailedStreamsBeforeUnary;
        else
            _failedStreams++;
    }
}
