using GrpcPresence.Server.Security.Authentication;
using Microsoft.AspNetCore.Connections;

namespace GrpcPresence.Server.Streams.Connections;

/// <summary>The place of an open connection.</summary>
internal sealed class ConnectionPlace(ConnectionLimit limit, ConnectionContext connection)
{
    private bool _isDecided; // a race only repeats the call

    /// <summary>The connection.</summary>
    public ConnectionContext Connection => connection;

    /// <summary>Its place in the order in which connections give way; null for one that does not. Guarded by the limit.</summary>
    public LinkedListNode<ConnectionPlace>? Untrusted { get; set; }

    /// <summary>The shares that the connection counts against. Guarded by the limit.</summary>
    public IReadOnlyList<CallerId> Shares { get; set; } = [];

    /// <summary>Whether the place is free again. Guarded by the limit.</summary>
    public bool HasLeft { get; set; }

    /// <summary>
    /// Keeps the connection when others need its place: a caller has presented valid credentials on it. Only the first caller counts.
    /// </summary>
    public void Trust(Caller caller)
    {
        if (_isDecided)
            return;
        _isDecided = true;
        limit.Trust(this, caller);
    }
}
