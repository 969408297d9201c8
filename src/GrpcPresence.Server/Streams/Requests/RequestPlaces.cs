using System.Runtime.InteropServices;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Places for open requests. When all are taken, the connection with the most gives up its oldest to a new request: a client that opens
/// many cannot take the places of one that has a few. Safe from any thread.
/// </summary>
/// <param name="total">The number of places.</param>
/// <param name="perConnection">
/// The places that one connection may take. It may take as many again for requests that are answered with an error.
/// </param>
internal sealed class RequestPlaces(int total, int perConnection)
{
    private readonly Lock _gate = new(); // guards everything below; Kestrel is not called under it
    private readonly LinkedList<RequestPlace> _byAge = [];
    private readonly Dictionary<string, int> _ofConnections = [];

    /// <summary>Takes a place, or returns null when the connection has too many.</summary>
    public RequestPlace? TryTake(OpenRequest request, string connection)
    {
        RequestPlace place;
        RequestPlace? oldest = null;
        lock (_gate)
        {
            var taken = _ofConnections.GetValueOrDefault(connection);
            if (taken >= 2 * perConnection)
                return null;
            if (_byAge.Count == total)
                LeaveLocked(oldest = OldestOfLargest());
            place = new RequestPlace(this, request, connection) { Limit = perConnection, IsRejected = taken >= perConnection };
            CollectionsMarshal.GetValueRefOrAddDefault(_ofConnections, connection, out _)++;
            place.Node = _byAge.AddLast(place);
        }
        oldest?.Request.Reset();
        return place;
    }

    /// <summary>Frees the place, unless its request gave way.</summary>
    public void Leave(RequestPlace place)
    {
        lock (_gate)
            LeaveLocked(place);
    }

    private RequestPlace OldestOfLargest()
    {
        var largest = _ofConnections.MaxBy(one => one.Value).Key;
        return _byAge.First(place => place.Connection == largest);
    }

    private void LeaveLocked(RequestPlace place)
    {
        if (place.Node is not { } node)
            return;
        place.Node = null;
        _byAge.Remove(node);
        ref var taken = ref CollectionsMarshal.GetValueRefOrNullRef(_ofConnections, place.Connection);
        if (--taken == 0)
            _ofConnections.Remove(place.Connection);
    }
}
