using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Streams.Connections;

/// <summary>
/// Bounds the open connections of all listeners together. Kestrel counts those of each listener by themselves. When no place is free, the
/// oldest connection without an authenticated request gives way, so that idle connections of an attacker cannot keep others away: a client
/// keeps such a connection open at no cost by answering pings. A caller keeps a share of the connections at most. Safe from any thread.
/// </summary>
internal sealed class ConnectionLimit
{
    private readonly Lock _gate = new(); // guards everything below; connections are closed outside of it
    private readonly LinkedList<ConnectionPlace> _untrusted = [];
    private readonly Dictionary<CallerId, int> _trusted = [];
    private int _open;

    /// <summary>Bounds the connections by the setting and by the files that the process may open.</summary>
    public ConnectionLimit(ServerSettings settings, ILogger<ConnectionLimit> logger)
    {
        var files = FileBudget.FindLimit();
        Connections = Math.Min(settings.MaxConnections, FileBudget.Of(files).Connections);
        if (Connections < settings.MaxConnections)
            Log.ConnectionsLimited(logger, Connections, settings.MaxConnections, files);
    }

    /// <summary>Bounds the connections by the number.</summary>
    internal ConnectionLimit(int connections) => Connections = connections;

    /// <summary>The maximum number of open connections.</summary>
    public int Connections { get; }

    /// <summary>Bounds the connections of the listener. Add it before everything else.</summary>
    public void Bound(ListenOptions listen) => listen.Use(next => connection => RunAsync(next, connection));

    /// <summary>Takes a place. Returns null when every connection has had an authenticated request.</summary>
    internal ConnectionPlace? TryTake(ConnectionContext connection)
    {
        ConnectionPlace? oldest = null;
        var place = new ConnectionPlace(this, connection);
        lock (_gate)
        {
            if (_open >= Connections && (oldest = _untrusted.First?.Value) is null)
                return null;
            if (oldest is not null)
                RemoveLocked(oldest);
            _open++;
            place.Untrusted = _untrusted.AddLast(place);
        }
        oldest?.Connection.Abort(new ConnectionAbortedException("A newer connection needs the place."));
        return place;
    }

    /// <summary>
    /// Keeps the connection when others need its place, within the share of the caller: half of all for a service instance, a quarter for
    /// an API key, a hundredth for an end user. The connections of the operator and of callers without credentials have no share.
    /// </summary>
    internal void Trust(ConnectionPlace place, Caller caller)
    {
        const int Least = 4;
        lock (_gate)
        {
            if (place.HasLeft)
                return;
            var shares = new List<CallerId>();
            if (caller.Kind is CallerKind.ApiKey or CallerKind.EndUser)
            {
                var isEndUser = caller.Kind == CallerKind.EndUser;
                var own = caller.Id;
                if (_trusted.GetValueOrDefault(own) >= Math.Max(Least, isEndUser ? Connections / 100 : Connections / 4))
                    return;
                shares.Add(own);
            }
            if (caller.Scope is { } scope)
            {
                var ofTenant = new CallerId("", scope, null); // all callers of the service instance
                if (_trusted.GetValueOrDefault(ofTenant) >= Math.Max(Least, Connections / 2))
                    return;
                shares.Add(ofTenant);
            }
            foreach (var share in shares)
                _trusted[share] = _trusted.GetValueOrDefault(share) + 1;
            place.Shares = shares;
            RemoveFromUntrusted(place);
        }
    }

    /// <summary>Frees the place, unless the connection gave way.</summary>
    internal void Leave(ConnectionPlace place)
    {
        lock (_gate)
            RemoveLocked(place);
    }

    private async Task RunAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        if (TryTake(connection) is not { } place)
            return; // this closes the connection
        connection.Features.Set(place);
        try
        {
            await next(connection);
        }
        finally
        {
            Leave(place);
        }
    }

    private void RemoveLocked(ConnectionPlace place)
    {
        if (place.HasLeft)
            return;
        place.HasLeft = true;
        _open--;
        foreach (var share in place.Shares)
        {
            if (--_trusted[share] == 0)
                _trusted.Remove(share);
        }
        RemoveFromUntrusted(place);
    }

    // The caller holds the lock.
    private void RemoveFromUntrusted(ConnectionPlace place)
    {
        if (place.Untrusted is not { } node)
            return;
        place.Untrusted = null;
        _untrusted.Remove(node);
    }
}
