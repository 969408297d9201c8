using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Ends streams when the server stops. Kestrel waits for open requests and tells them nothing, so a stream that nobody ends would hold up
/// the
/// shutdown until its timeout. This is a middleware because the token must be replaced before gRPC makes the context of the call from it.
/// </summary>
internal sealed class StreamShutdownMiddleware
{
    private readonly RequestDelegate _next;
    private readonly ActiveStreams _streams;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger<StreamShutdownMiddleware> _logger;
    private ITimer? _deadline; // held here because a clock may drop a timer that nothing refers to

    /// <summary>
    /// Waits for the stopping. One deadline stands for all streams: each of its own would be a tenth of what an idle watch costs.
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
    /// How long a stream has to end before it is reset: a write that flow control blocks sees no token. Who is reset gets no trailers, so a
    /// loaded machine
    /// has most of the shutdown timeout, and the rest is left for the reset.
    /// </summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(4);

    /// <summary>Runs the request.</summary>
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
            context.RequestAborted = aborted; // the linked source is disposed of while the request is still being completed
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
