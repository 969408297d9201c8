using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Ends streams when the server stops. Kestrel waits for open requests without notifying them, so a stream that nothing ends would delay
/// the shutdown until its timeout. This is a middleware because the token must be replaced before gRPC creates the call's context from it.
/// </summary>
internal sealed class StreamShutdownMiddleware
{
    private readonly RequestDelegate _next;
    private readonly ActiveStreams _streams;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger<StreamShutdownMiddleware> _logger;
    private ITimer? _deadline; // a clock may drop a timer without references

    /// <summary>
    /// Registers for the stop. All streams share one deadline: a timer for each would account for a tenth of the cost of an idle watch.
    /// </summary>
    public StreamShutdownMiddleware(
        RequestDelegate next,
        ActiveStreams streams,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        ILogger<StreamShutdownMiddleware> logger)
    {
        (_next, _streams, _lifetime, _logger) = (next, streams, lifetime, logger);
        lifetime.ApplicationStopping.Register(
            () => _deadline = time.CreateTimer(_ => ResetOpen(), state: null, ResetGrace, Timeout.InfiniteTimeSpan));
    }

    /// <summary>
    /// How long a stream may take to end before it is reset, because a write that flow control blocks ignores the token. A client whose
    /// stream is reset gets no trailers. A loaded machine therefore has most of the shutdown timeout, and the rest is left for the reset.
    /// </summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(4);

    /// <summary>Runs the request, and ends its stream when the server stops.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<StreamMetadata>() is not { } stream)
            return _next(context);
        return stream.DrainsItself ? RunGuardedAsync(context) : RunLinkedAsync(context);
    }

    private async Task RunLinkedAsync(HttpContext context)
    {
        var aborted = context.RequestAborted;
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(aborted, _lifetime.ApplicationStopping);
        context.RequestAborted = linked.Token;
        try
        {
            await RunGuardedAsync(context);
        }
        finally
        {
            context.RequestAborted = aborted; // the linked source is disposed before the request completes
        }
    }

    private async Task RunGuardedAsync(HttpContext context)
    {
        using var open = _streams.Open(context);
        await _next(context);
    }

    private void ResetOpen()
    {
        foreach (var method in _streams.ResetAll())
            Log.StreamReset(_logger, method, ResetGrace);
    }
}
