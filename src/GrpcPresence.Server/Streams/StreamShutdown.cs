using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Ends streams when the server stops. Kestrel waits for open requests without notifying them, so a stream that nothing ends would delay
/// the shutdown until its timeout. This runs before gRPC, which creates the call's context from the token that is replaced here.
/// </summary>
internal sealed class StreamShutdown
{
    private readonly ActiveStreams _streams;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly ILogger<StreamShutdown> _logger;
    private ITimer? _deadline; // a clock may drop a timer without references

    /// <summary>
    /// Registers for the stop. All streams share one deadline: a timer for each would account for a tenth of the cost of an idle watch.
    /// </summary>
    public StreamShutdown(
        ActiveStreams streams, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<StreamShutdown> logger)
    {
        (_streams, _lifetime, _logger) = (streams, lifetime, logger);
        lifetime.ApplicationStopping.Register(
            () => _deadline = time.CreateTimer(_ => ResetOpen(), state: null, ResetGrace, Timeout.InfiniteTimeSpan));
    }

    /// <summary>
    /// How long a stream may take to end before it is reset, because a write that flow control blocks ignores the token. A client whose
    /// stream is reset gets no trailers. A loaded machine therefore has most of the shutdown timeout, and the rest is left for the reset.
    /// </summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(4);

    /// <summary>Runs the request of a stream, and ends it when the server stops.</summary>
    public Task RunAsync(HttpContext context, StreamMetadata stream, RequestDelegate next) =>
        stream.DrainsItself ? RunGuardedAsync(context, next) : RunLinkedAsync(context, next);

    private async Task RunLinkedAsync(HttpContext context, RequestDelegate next)
    {
        var aborted = context.RequestAborted;
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(aborted, _lifetime.ApplicationStopping);
        context.RequestAborted = linked.Token;
        try
        {
            await RunGuardedAsync(context, next);
        }
        finally
        {
            context.RequestAborted = aborted; // the linked source is disposed before the request completes
        }
    }

    private async Task RunGuardedAsync(HttpContext context, RequestDelegate next)
    {
        using var open = _streams.Open(context);
        await next(context);
    }

    private void ResetOpen()
    {
        foreach (var method in _streams.ResetAll())
            Log.StreamReset(_logger, method, ResetGrace);
    }
}
