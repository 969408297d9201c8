using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Hosting;

/// <summary>
/// Ends streams when the server stops. Kestrel waits for open requests and tells them nothing, so a stream that nobody ends would hold up the
/// shutdown until its timeout. This is a middleware because the token must be replaced before gRPC makes the context of the call from it.
/// </summary>
internal sealed class StreamShutdownMiddleware(
    RequestDelegate next, OpenStreams streams, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<StreamShutdownMiddleware> logger)
{
    /// <summary>
    /// How long a stream has to end before it is reset: a write that flow control blocks sees no token. Who is reset gets no trailers, so a loaded machine
    /// has most of the shutdown timeout, and the rest is left for the reset.
    /// </summary>
    public static readonly TimeSpan ResetGrace = TimeSpan.FromSeconds(4);

    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (!ServedServices.IsStreaming(path))
            return next(context);
        return ServedServices.DrainsItself(path) ? RunGuardedAsync(context) : RunLinkedAsync(context);
    }

    private async Task RunLinkedAsync(HttpContext context)
    {
        var aborted = context.RequestAborted;
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(aborted, lifetime.ApplicationStopping);
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
        var method = context.Request.Path.Value!;
        using var open = streams.Open();
        using var deadline = new StoppingDeadline(ResetGrace, time, Reset, lifetime.ApplicationStopping);
        await next(context);

        void Reset()
        {
            StreamReset.Refuse(context);
            streams.CountReset();
            Log.StreamReset(logger, method, ResetGrace);
        }
    }
}
