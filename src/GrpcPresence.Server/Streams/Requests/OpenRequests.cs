using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Security;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Bounds how long a client may take to read the response to a unary request, over gRPC, gRPC-Web and REST. Streams have a limit of their
/// own for each message. Kestrel's rate applies to a whole HTTP/2 connection: one stream whose client does not read would end all others.
/// Safe from any thread.
/// </summary>
internal sealed class OpenRequests(TimeProvider time)
{
    /// <summary>How often the requests are checked.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The rate at which a response over HTTP/1.1 must be read. The largest pages have 3 MiB, which then takes three minutes. It is below
    /// the rate of the slowest mobile networks in use.
    /// </summary>
    public static readonly MinDataRate Rate = new(bytesPerSecond: 16 * 1024, gracePeriod: TimeSpan.FromSeconds(10));

    private readonly ConcurrentDictionary<ConnectionRequests, bool> _connections = [];
    private long _checkedAt = time.GetTimestamp();
    private long _tickedAt = time.GetTimestamp();

    // Requests last seconds, and the clock takes longer to read than everything else that happens here.
    private long Now => Volatile.Read(ref _tickedAt);

    /// <summary>Adds a connection until <see cref="Close"/>.</summary>
    public ConnectionRequests Open()
    {
        var connection = new ConnectionRequests();
        _connections.TryAdd(connection, true);
        return connection;
    }

    /// <summary>Removes a connection.</summary>
    public void Close(ConnectionRequests connection)
    {
        _connections.TryRemove(connection, out _);
        connection.OnClosed();
    }

    /// <summary>
    /// Adds a request until its client has read the response; see <see cref="Bound"/> for a unary one. Call this once for each request,
    /// before anything else.
    /// </summary>
    public void Begin(HttpContext http, bool isUnary)
    {
        if (ConnectionFeature<ConnectionRequests>.Of(http) is { } connection)
            connection.Add(new OpenRequest(http, Now, isUnary));
        else if (isUnary)
            BoundRate(http);
    }

    /// <summary>Bounds the time until the response of a request was read, from its start.</summary>
    public static void Bound(HttpContext http)
    {
        if (ConnectionFeature<ConnectionRequests>.Of(http) is { } connection)
            connection.Find(OpenRequest.StreamOf(http))?.IsUnary = true;
        else
            BoundRate(http);
    }

    /// <summary>Returns the open request, which ends when its response was read; null if it has ended.</summary>
    public OpenRequest? Find(HttpContext http)
    {
        if (ConnectionFeature<ConnectionRequests>.Of(http) is { } connection)
            return connection.Find(OpenRequest.StreamOf(http));
        if (http.Features.Get<OpenRequest>() is { } present)
            return present;
        var request = new OpenRequest(http, Now, isUnary: false);
        http.Features.Set(request);
        http.Response.OnCompleted(End, request);
        return request;
    }

    /// <summary>Keeps the lease until the request ends. Returns false, and gives the lease back, if it has ended.</summary>
    public bool TryHold(HttpContext http, IDisposable lease)
    {
        if (Find(http) is { } request)
            return request.TryHold(lease);
        lease.Dispose();
        return false;
    }

    private static void BoundRate(HttpContext http)
    {
        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } http1)
            http1.MinDataRate = Rate;
    }

    private static Task End(object request)
    {
        ((OpenRequest)request).End();
        return Task.CompletedTask;
    }

    /// <summary>
    /// Resets overdue requests, and gives back the places of those that were reset early. Called on every tick, but checks only once per
    /// <see cref="Interval"/>.
    /// </summary>
    public void Tick()
    {
        Volatile.Write(ref _tickedAt, time.GetTimestamp());
        if (time.GetElapsedTime(_checkedAt) < Interval)
            return;
        _checkedAt = time.GetTimestamp();
        foreach (var (connection, _) in _connections)
            connection.Check(Limits.UnaryRequest, time);
    }
}
