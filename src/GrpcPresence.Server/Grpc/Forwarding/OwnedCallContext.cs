using Grpc.Core;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Grpc.Forwarding;

/// <summary>
/// The context of a call that another node, or this one as the ingress, has forwarded to its owner. It has what the handlers use: the scope
/// and the method. It has no end: the client may go, and what it has asked for is done all the same.
/// </summary>
internal sealed class OwnedCallContext : ServerCallContext
{
    // Where gRPC's own server looks for the request of a context that it did not make.
    private const string HttpContextKey = "__HttpContext";

    private readonly string _method;

    /// <summary>The context of a call of the method with this path.</summary>
    public OwnedCallContext(CallScope scope, string method)
    {
        _method = method;
        var http = new DefaultHttpContext();
        http.Features.Set(scope);
        UserState[HttpContextKey] = http;
    }

    /// <inheritdoc/>
    protected override string MethodCore => _method;

    /// <inheritdoc/>
    protected override string HostCore => "";

    /// <inheritdoc/>
    protected override string PeerCore => "";

    /// <inheritdoc/>
    protected override DateTime DeadlineCore => DateTime.MaxValue;

    /// <inheritdoc/>
    protected override Metadata RequestHeadersCore { get; } = [];

    /// <inheritdoc/>
    protected override CancellationToken CancellationTokenCore => CancellationToken.None;

    /// <inheritdoc/>
    protected override Metadata ResponseTrailersCore { get; } = [];

    /// <inheritdoc/>
    protected override Status StatusCore { get; set; }

    /// <inheritdoc/>
    protected override WriteOptions? WriteOptionsCore { get; set; }

    /// <inheritdoc/>
    protected override AuthContext AuthContextCore { get; } = new(peerIdentityPropertyName: null, []);

    /// <inheritdoc/>
    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException();
}
