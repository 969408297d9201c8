using Grpc.Core;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// The context of a call from inside this process, for an HTTP request. It has what the methods use: the request, its end, and its response
/// headers.
/// </summary>
internal sealed class LocalCallContext : ServerCallContext
{
    // Where gRPC's own server looks for the request of a context that it did not make.
    private const string HttpContextKey = "__HttpContext";

    private readonly HttpContext _http;
    private readonly string _method;

    /// <summary>The context of a call of the method with this path.</summary>
    public LocalCallContext(HttpContext http, string method)
    {
        (_http, _method) = (http, method);
        UserState[HttpContextKey] = http;
    }

    /// <inheritdoc/>
    protected override string MethodCore => _method;

    /// <inheritdoc/>
    protected override string HostCore => _http.Request.Host.Value ?? "";

    /// <inheritdoc/>
    protected override string PeerCore => "";

    /// <inheritdoc/>
    protected override DateTime DeadlineCore => DateTime.MaxValue;

    /// <inheritdoc/>
    protected override Metadata RequestHeadersCore { get; } = [];

    /// <inheritdoc/>
    protected override CancellationToken CancellationTokenCore => _http.RequestAborted;

    /// <inheritdoc/>
    protected override Metadata ResponseTrailersCore { get; } = [];

    /// <inheritdoc/>
    protected override Status StatusCore { get; set; }

    /// <inheritdoc/>
    protected override WriteOptions? WriteOptionsCore { get; set; }

    /// <inheritdoc/>
    protected override AuthContext AuthContextCore { get; } = new(peerIdentityPropertyName: null, []);

    /// <inheritdoc/>
    /// <remarks>Starting a response alone leaves its headers in the server until there is something of a body.</remarks>
    protected override async Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) =>
        await _http.Response.BodyWriter.FlushAsync(_http.RequestAborted);

    /// <inheritdoc/>
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException();
}
