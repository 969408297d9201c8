using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster.Channel;

/// <summary>Whether the transport has ended, and what it has counted. Safe from any thread.</summary>
internal sealed partial class TransportState(ILogger logger)
{
    private volatile bool _hasEnded;

    /// <summary>Whether nothing is sent and received any more.</summary>
    public bool HasEnded => _hasEnded;

    /// <summary>The counters.</summary>
    public ChannelCounters Counters { get; } = new();

    /// <summary>Sends and receives nothing any more.</summary>
    public void End() => _hasEnded = true;

    /// <summary>A message could not be given to a connection.</summary>
    public void NoteFailedSend(Exception exception)
    {
        if (IsLogged(Counters.NoteFailedSend()))
            LogFailedSend(exception);
    }

    /// <summary>The bytes of a message could not be read.</summary>
    public void NoteInvalid(NodeId from)
    {
        if (IsLogged(Counters.NoteInvalid()))
            LogInvalid(from);
    }

    /// <summary>The handler of a message threw an exception.</summary>
    public void NoteFailedHandler(NodeMessage message, Exception exception)
    {
        if (IsLogged(Counters.NoteFailedHandler()))
            LogFailedHandler(message.GetType().Name, exception);
    }

    // The first one, and then fewer and fewer: a fault that repeats must not fill the log.
    private static bool IsLogged(long count) => (count & (count - 1)) == 0;

    [LoggerMessage(Level = LogLevel.Warning, Message = "A message to another node could not be sent")]
    private partial void LogFailedSend(Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Dropped a message of {Node} that cannot be read")]
    private partial void LogInvalid(NodeId node);

    [LoggerMessage(Level = LogLevel.Error, Message = "The handler of a message {Type} failed")]
    private partial void LogFailedHandler(string type, Exception exception);
}
