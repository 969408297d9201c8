using System.Diagnostics;
using GrpcPresence.Bench.Load;
using GrpcPresence.Bench.Peers;

namespace GrpcPresence.Bench.Scenarios;

/// <summary>Unary heartbeats at even intervals, each of which is timed, like those of a client of a server with other work.</summary>
/// <param name="loop">Serves the connection.</param>
/// <param name="connection">The connection.</param>
/// <param name="requests">The requests, sent in turn.</param>
/// <param name="interval">The time between two.</param>
/// <param name="authorization">The credentials, or null.</param>
internal sealed class PacedHeartbeats(
    EventLoop loop, Http2Connection connection, IReadOnlyList<byte[]> requests, TimeSpan interval, string? authorization = null)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly byte[] _headers = HeaderBlock.OfCall(PresenceServer.HeartbeatPath, authorization);
    private int _next;

    /// <summary>
    /// Makes calls for the duration, waits for all replies, and returns their median and 99th percentile, in milliseconds.
    /// </summary>
    /// <param name="duration">How long it makes calls.</param>
    /// <param name="beside">Runs before each call, or null.</param>
    public (double P50, double P99) Take(TimeSpan duration, Action? beside = null)
    {
        var timed = new List<double>();
        var calls = (int)(duration / interval);
        loop.RunPaced(calls, interval, _ =>
        {
            beside?.Invoke();
            connection.Open(_headers, new TimedCall(timed)).Send(requests[_next], end: true);
            _next = (_next + 1) % requests.Count;
        });
        loop.RunUntil(() => timed.Count == calls, Limit, "all heartbeats are answered");
        timed.Sort();
        return (timed[timed.Count / 2], timed[(int)(timed.Count * 0.99)]);
    }

    private sealed class TimedCall(List<double> milliseconds) : IStreamHandler
    {
        private readonly long _began = Stopwatch.GetTimestamp();

        public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
        {
        }

        public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers)
        {
            if (stream.Messages == 0)
                throw new IOException($"A heartbeat failed: {Http2Stream.Describe(trailers)}");
            milliseconds.Add(Stopwatch.GetElapsedTime(_began).TotalMilliseconds);
        }
    }
}
