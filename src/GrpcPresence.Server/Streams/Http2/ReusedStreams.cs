using System.Linq.Expressions;
using GrpcPresence.Server.Telemetry;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Streams.Http2;

/// <summary>
/// Works around a fault of Kestrel that loses whole responses (dotnet/aspnetcore#53736). Kestrel reuses the object of an HTTP/2 stream for
/// a later request of the connection. If a window update arrives while a response is being completed, the flag "queued for writing" of the
/// object stays set. Everything that the next request writes then waits for a turn in the queue that never comes. This clears the flag
/// before a request is served. Clearing it too often is harmless: an object that is queued twice writes nothing the second time. The
/// measurement is in docs/adr/0017-reused-streams.md.
/// </summary>
internal sealed class ReusedStreams
{
    private const string Stream = "Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http2.Http2Stream";
    private const string Output = "_http2Output";
    private const string IsScheduled = "_isScheduled";

    private readonly Action<object>? _clear;

    /// <summary>Finds the flag. Logs a warning if this version of Kestrel does not have it.</summary>
    public ReusedStreams(ILogger<ReusedStreams> logger)
    {
        try
        {
            _clear = Compile();
        }
        catch (Exception exception) when (exception is TypeLoadException or ArgumentException)
        {
            Log.UnknownKestrel(logger, typeof(KestrelServer).Assembly.GetName().Version);
        }
    }

    /// <summary>Prepares the stream of a request. Call it before anything writes to the response.</summary>
    public void Prepare(HttpContext http) => _clear?.Invoke(http.Features); // Kestrel's object is the collection of features

    // The members are not public, so only code that is compiled at run time may name them.
    private static Action<object> Compile()
    {
        var type = typeof(KestrelServer).Assembly.GetType(Stream, throwOnError: true)!;
        var features = Expression.Parameter(typeof(object));
        var stream = Expression.Variable(type);
        var clear = Expression.Assign(Expression.Field(Expression.Field(stream, Output), IsScheduled), Expression.Constant(false));
        return Expression.Lambda<Action<object>>(
            Expression.Block(
                [stream],
                Expression.Assign(stream, Expression.TypeAs(features, type)),
                Expression.IfThen(Expression.ReferenceNotEqual(stream, Expression.Constant(null)), clear)),
            features).Compile();
    }
}
