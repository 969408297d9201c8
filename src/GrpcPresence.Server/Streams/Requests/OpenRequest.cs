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
    private readonly IHttp2StreamIdFeature? _stream;
    private readonly IHttpResetFeature? _reset;
    private readonly IHttpRequestLifetimeFeature? _http1;

    /// <summary>Keeps the features of the request.</summary>
    public OpenRequest(HttpContext http, long since)
    {
        Since = since;
        _stream = http.Features.Get<IHttp2StreamIdFeature>();
        if (_stream is null)
        {
            _http1 = http.Features.Get<IHttpRequestLifetimeFeature>();
            return;
        }
        _reset = http.Features.Get<IHttpResetFeature>();
        Stream = _stream.StreamId;
    }

    /// <summary>The stream over HTTP/2; otherwise 0.</summary>
    public int Stream { get; }

    /// <summary>The timestamp of its start.</summary>
    public long Since { get; }

    /// <summary>Whether it must be over after some time. A stream need not.</summary>
    public bool IsUnary { get; set; }

    /// <summary>The place of an anonymous request.</summary>
    public RequestPlace? Place { get; set; }

    /// <summary>What the call counts against the quotas of its caller, if anything. Guarded by the connection's requests.</summary>
    public IDisposable? Call { get; set; }

    /// <summary>What the response counts against the quotas of its reader, if anything. Guarded likewise.</summary>
    public IDisposable? Response { get; set; }

    /// <summary>Gives back what the request holds, after its end.</summary>
    public void Leave()
    {
        Place?.Leave();
        Call?.Dispose();
        Response?.Dispose();
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
}
