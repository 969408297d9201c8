using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Composition;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Composition;

/// <summary>Tests how a start waits for a store that is away.</summary>
public sealed class StoreStartTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogRecorder _log = new();
    private readonly ILoggerFactory _loggers;
    private readonly StoreStart _start;

    public StoreStartTests()
    {
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(_log));
        _start = new StoreStart(_time, _loggers.CreateLogger<StoreStart>());
    }

    public void Dispose() => _loggers.Dispose();

    [Fact]
    public async Task Start_A_store_that_is_away_is_tried_again_with_pauses_that_double_up_to_five_seconds_and_logged_once()
    {
        double[] pauses = [0.25, 0.5, 1, 2, 4, 5, 5];
        var attempts = new List<double>();
        var began = _time.GetUtcNow();

        var opening = _start.OpenAsync(Open, "db.example", TestRun.Token);
        foreach (var pause in pauses)
        {
            _time.Advance(TimeSpan.FromSeconds(pause) - TimeSpan.FromMilliseconds(1));
            Assert.False(opening.IsCompleted);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal("open", await opening);
        Assert.Equal([0, 0.25, 0.75, 1.75, 3.75, 7.75, 12.75, 17.75], attempts);
        var entry = Assert.Single(_log.Problems);
        Assert.Equal(LogLevel.Warning, entry.Level);
        Assert.Contains("db.example", entry.Text, StringComparison.Ordinal);
        Assert.Contains("refused", entry.Text, StringComparison.Ordinal);

        Task<string> Open(CancellationToken stop)
        {
            attempts.Add((_time.GetUtcNow() - began).TotalSeconds);
            return attempts.Count <= pauses.Length
                ? Task.FromException<string>(new StorageException("The connection was refused."))
                : Task.FromResult("open");
        }
    }

    [Fact]
    public async Task Start_Another_reason_is_logged_too()
    {
        string[] reasons = ["refused", "refused", "starting up"];
        var attempt = 0;

        var opening = _start.OpenAsync(
            _ => attempt < reasons.Length
                ? Task.FromException<int>(new StorageException(reasons[attempt++]))
                : Task.FromResult(attempt),
            "db.example",
            TestRun.Token);
        for (var i = 0; i < reasons.Length; i++)
            _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(reasons.Length, await opening);
        Assert.Equal(2, _log.Problems.Count);
    }

    [Fact]
    public async Task Start_A_signal_ends_the_waiting_at_once()
    {
        using var stop = new CancellationTokenSource();

        var opening = _start.OpenAsync(
            _ => Task.FromException<int>(new StorageException("The connection was refused.")), "db.example", stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public async Task Start_A_store_that_was_rejected_is_not_tried_again()
    {
        var attempts = 0;

        await Assert.ThrowsAsync<InvalidOperationException>(() => _start.OpenAsync(
            _ =>
            {
                attempts++;
                return Task.FromException<int>(new InvalidOperationException("rejected"));
            },
            "db.example",
            TestRun.Token));

        Assert.Equal(1, attempts);
    }
}
