using GrpcPresence.Server.Streams.Http2;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// A request until its client has read the response. Over HTTP/2 that may be long after the application has finished, and the context of
/// the request is then gone. So this keeps the features of the stream.
/// </summary>
internal sealed class OpenRequest
{
    private static readonly Lease Ended = new(held: null, next: null);

    private readonly IHttp2StreamIdFeature? _stream;
    private readonly IHttpResetFeature? _reset;
    private readonly IHttpRequestLifetimeFeature? _http1;
    private Lease? _leases; // what the request holds, the latest first; Ended after its end

    /// <summary>Keeps the features of the request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="since">The timestamp of its start.</param>
    /// <param name="isUnary">Whether it must be over after some time.</param>
    public OpenRequest(HttpContext http, long since, bool isUnary)
    {
        (Since, IsUnary) = (since, isUnary);
        // Kestrel's object for a stream is the collection of its features, and most of them itself. A cast takes less time than a search.
        _stream = http.Features as IHttp2StreamIdFeature ?? http.Features.Get<IHttp2StreamIdFeature>();
        if (_stream is null)
        {
            _http1 = http.Features.Get<IHttpRequestLifetimeFeature>();
            return;
        }
        _reset = http.Features as IHttpResetFeature ?? http.Features.Get<IHttpResetFeature>();
        Stream = _stream.StreamId;
    }

    /// <summary>The stream over HTTP/2; otherwise 0.</summary>
    public int Stream { get; }

    /// <summary>The timestamp of its start, or of the tick before it.</summary>
    public long Since { get; }

    /// <summary>Whether it must be over after some time. A stream need not.</summary>
    public bool IsUnary { get; set; }

    /// <summary>The stream of the request over HTTP/2; otherwise 0.</summary>
    public static int StreamOf(HttpContext http) =>
        (http.Features as IHttp2StreamIdFeature ?? http.Features.Get<IHttp2StreamIdFeature>())?.StreamId ?? 0;

    /// <summary>Keeps the lease until the request ends. Returns false, and gives the lease back, if it has ended.</summary>
    public bool TryHold(IDisposable lease)
    {
        while (true)
        {
            var present = Volatile.Read(ref _leases);
            if (present == Ended)
            {
                lease.Dispose();
                return false;
            }
            if (Interlocked.CompareExchange(ref _leases, new Lease(lease, present), present) == present)
                return true;
        }
    }

    /// <summary>Gives back what the request holds.</summary>
    public void End()
    {
        for (var lease = Interlocked.Exchange(ref _leases, Ended); lease is not null; lease = lease.Next)
            lease.Held?.Dispose();
    }

    /// <summary>
    /// Resets the request. The client sees RESOURCE_EXHAUSTED, and does not take the request for unprocessed. HTTP/1.1 has no streams, so
    /// its connection is closed. Hold no lock: Kestrel calls the guard under a lock of its own.
    /// </summary>
    public void Reset()
    {
        // Kestrel may have reused the stream since the caller found the request.
        if (_stream?.StreamId == Stream)
            _reset?.Reset(FloodGuard.EnhanceYourCalm);
        _http1?.Abort();
    }

    private sealed class Lease(IDisposable? held, Lease? next)
    {
        public IDisposable? Held => held;

        public Lease? Next => next;
    }
}
