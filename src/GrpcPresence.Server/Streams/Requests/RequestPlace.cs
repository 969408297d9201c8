namespace GrpcPresence.Server.Streams.Requests;

/// <summary>The place of an anonymous request.</summary>
/// <param name="owner">The places to which it belongs.</param>
/// <param name="request">The request.</param>
/// <param name="connection">The id of its connection.</param>
internal sealed class RequestPlace(RequestPlaces owner, OpenRequest request, string connection) : IDisposable
{
    /// <summary>The request.</summary>
    public OpenRequest Request => request;

    /// <summary>The id of its connection.</summary>
    public string Connection => connection;

    /// <summary>The places that one connection may take.</summary>
    public required int Limit { get; init; }

    /// <summary>Whether the connection had no place left, so that the response must be an error.</summary>
    public bool IsRejected { get; init; }

    /// <summary>Its position in the order of age; null after the request gave way or ended. Guarded by the places.</summary>
    public LinkedListNode<RequestPlace>? Node { get; set; }

    /// <summary>Leaves the place, if the request still has it.</summary>
    public void Dispose() => owner.Leave(this);
}
