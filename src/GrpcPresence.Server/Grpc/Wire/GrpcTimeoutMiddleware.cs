using System.Globalization;
using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Answers calls whose deadline has passed on arrival, and those with a malformed deadline. Grpc.AspNetCore takes a timeout that its clock
/// cannot measure, such as one nanosecond, for no deadline, and does the same with one that it cannot read. The call would then run
/// although its client has given up, and a stream would never end.
/// </summary>
internal sealed class GrpcTimeoutMiddleware(RequestDelegate next)
{
    private const string Header = "grpc-timeout";
    private const int MaxDigits = 8;

    // The resolution of the timers that enforce deadlines.
    private const decimal MinMilliseconds = 1;

    /// <summary>Runs the request.</summary>
    public Task InvokeAsync(HttpContext http)
    {
        var values = http.Request.Headers[Header];
        if (values.Count == 0 || http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is null)
            return next(http);
        return MillisecondsOf(values.ToString()) switch
        {
            null => Reject(http, StatusCode.Internal, "The header grpc-timeout is malformed."),
            < MinMilliseconds => Reject(http, StatusCode.DeadlineExceeded, ""),
            _ => next(http),
        };
    }

    /// <summary>Returns the timeout, or null unless it consists of up to eight digits and a unit.</summary>
    private static decimal? MillisecondsOf(string text)
    {
        if (text.Length is < 2 or > MaxDigits + 1
            || !int.TryParse(text.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }
        decimal? unit = text[^1] switch
        {
            'H' => 3_600_000,
            'M' => 60_000,
            'S' => 1_000,
            'm' => 1,
            'u' => 0.001m,
            'n' => 0.000001m,
            _ => null,
        };
        return number * unit;
    }

    private static Task Reject(HttpContext http, StatusCode code, string message)
    {
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = ((int)code).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = Uri.EscapeDataString(message);
        return Task.CompletedTask;
    }
}
