using GrpcPresence.Server.Streams.Http2;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Streams.Http2;

/// <summary>Tests which frames a client may send on one connection.</summary>
public sealed class FloodLimitTests
{
    private const int Streams = 10_000;

    private readonly FakeTimeProvider _time = new();
    private readonly FloodLimit _limit;
    private int _stream = -1;

    public FloodLimitTests() => _limit = new FloodLimit(_time);

    [Fact]
    public void Requests_that_the_client_resets_at_once_exceed_the_limit()
    {
        Assert.InRange(CountUntilExceeded(() => Reset(Open())), FloodLimit.EarlyEnds, 2 * FloodLimit.EarlyEnds);
    }

    [Fact]
    public void Requests_that_the_server_must_reset_exceed_the_limit()
    {
        Assert.InRange(
            CountUntilExceeded(() =>
            {
                Open();
                _limit.OnSent(new FrameHeader(4, FrameType.Reset, 0, _stream), isError: true);
            }),
            FloodLimit.EarlyEnds,
            2 * FloodLimit.EarlyEnds);
    }

    [Fact]
    public void A_client_may_end_all_its_watches_together()
    {
        var streams = Enumerable.Range(0, Streams).Select(_ => Open()).ToList();
        _limit.IsExceeded();
        _time.Advance(2 * FloodLimit.Early);

        Assert.All(streams, stream =>
        {
            _limit.IsExceeded();
            Reset(stream);
        });

        Assert.False(_limit.IsExceeded());
    }

    [Fact]
    public void A_busy_client_may_end_one_of_four_calls_early()
    {
        for (var i = 0; i < Streams; i++)
        {
            var stream = Open();
            if (i % FloodLimit.RequestsPerEarlyEnd == 0)
                Reset(stream);
            Assert.False(_limit.IsExceeded());
        }
    }

    [Fact]
    public void An_idle_client_may_end_calls_early_at_a_low_rate()
    {
        for (var second = 0; second < 100; second++)
        {
            for (var i = 0; i < FloodLimit.EarlyEndsPerSecond; i++)
                Reset(Open());
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.False(_limit.IsExceeded());
        }
    }

    [Theory]
    [InlineData(2, 0, 5)] // PRIORITY
    [InlineData(4, 0, 0)] // SETTINGS
    [InlineData(6, 0, 8)] // PING
    [InlineData(8, 0, 4)] // WINDOW_UPDATE
    [InlineData(9, 0, 0)] // CONTINUATION
    [InlineData(0, 0, 0)] // DATA that is empty
    [InlineData(99, 0, 100)]
    public void Frames_that_serve_no_request_exceed_the_limit(byte type, byte flags, int length)
    {
        Assert.Equal(
            FloodLimit.Overhead + 1,
            CountUntilExceeded(() => _limit.OnReceived(new FrameHeader(length, (FrameType)type, flags, Stream: 1))));
    }

    [Fact]
    public void A_client_that_reads_fast_may_send_updates_of_the_window_and_pings()
    {
        for (var i = 0; i < 100_000; i++)
        {
            _limit.OnSent(new FrameHeader(100, FrameType.Data, 0, Stream: 1), isError: false);
            _limit.OnReceived(new FrameHeader(4, (FrameType)8, 0, Stream: 1));
            _limit.OnReceived(new FrameHeader(4, (FrameType)8, 0, Stream: 0));
            _limit.OnReceived(new FrameHeader(8, (FrameType)6, 0, Stream: 0));
            Assert.False(_limit.IsExceeded());
        }
    }

    private int Open()
    {
        _stream += 2;
        _limit.OnReceived(new FrameHeader(100, FrameType.Headers, 4, _stream));
        return _stream;
    }

    private void Reset(int stream) => _limit.OnReset(isEarlyEnd: _limit.IsEarly(stream));

    private int CountUntilExceeded(Action send)
    {
        var sent = 0;
        for (; !_limit.IsExceeded() && sent < 10 * FloodLimit.Overhead; sent++)
            send();
        return sent;
    }
}
