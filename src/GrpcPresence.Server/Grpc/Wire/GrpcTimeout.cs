using System.Globalization;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Pipeline;

namespace GrpcPresence.Server.Grpc.Wire;

/// <summary>
/// Answers calls whose deadline has passed on arrival, and those with a malformed deadline. Grpc.AspNetCore takes a timeout that its clock
/// cannot measure, such as one nanosecond, for no deadline, and does the same with one that it cannot read. The call would then run
/// although its client has given up, and a stream would never end.
/// </summary>
internal static class GrpcTimeout
{
    private const int MaxDigits = 8;

    // The resolution of the timers that enforce deadlines.
    private const decimal MinMilliseconds = 1;

    /// <summary>Answers the call if its deadline does not let it run. Returns whether it did.</summary>
    public static bool TryReject(HttpContext http)
    {
        var values = http.Request.Headers.GrpcTimeout;
        return values.Count > 0 && MillisecondsOf(values.ToString()) switch
        {
            null => Reject(http, StatusCode.Internal, "The header grpc-timeout is malformed."),
            < MinMilliseconds => Reject(http, StatusCode.DeadlineExceeded, ""),
            _ => false,
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

    private static bool Reject(HttpContext http, StatusCode code, string message)
    {
        GrpcRejection.Write(http, new RpcException(new Status(code, message)));
        return true;
    }
}
