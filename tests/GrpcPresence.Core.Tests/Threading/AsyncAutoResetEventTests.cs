using GrpcPresence.Core.Threading;

namespace GrpcPresence.Core.Tests.Threading;

/// <summary>Every signal wakes a waiter, and several signals without a waiter count once.</summary>
public sealed class AsyncAutoResetEventTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly AsyncAutoResetEvent _event = new();

    [Fact]
    public async Task Signals_without_a_waiter_are_kept_for_one_wait()
    {
        _event.Set();
        _event.Set();
        Assert.True(_event.IsSet);

        await Within(_event.WaitAsync().AsTask());

        Assert.False(_event.IsSet);
        Assert.False(_event.WaitAsync().AsTask().IsCompleted);
        Assert.True(_event.IsAwaited);
    }

    [Fact]
    public async Task A_signal_wakes_the_waiter_and_is_not_kept()
    {
        var wait = _event.WaitAsync().AsTask();
        Assert.False(wait.IsCompleted);

        _event.Set();

        await Within(wait);
        Assert.False(_event.IsSet);
        Assert.False(_event.IsAwaited);
    }

    [Fact]
    public async Task A_waiter_does_not_continue_inside_Set()
    {
        using var gate = new SemaphoreSlim(0);
        async Task WaitAsync()
        {
            await _event.WaitAsync();
            Assert.True(gate.Wait(Patience), "The waiter continued inside Set.");
        }
        var waiter = WaitAsync();

        _event.Set();
        gate.Release();

        await Within(waiter);
    }

    [Fact]
    public async Task Cancellation_ends_the_wait_and_the_event_can_be_awaited_again()
    {
        using var cancellation = new CancellationTokenSource();
        var wait = _event.WaitAsync(cancellation.Token).AsTask();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Within(wait));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Within(_event.WaitAsync(cancellation.Token).AsTask()));
        var next = _event.WaitAsync(CancellationToken.None).AsTask();
        Assert.False(next.IsCompleted);
        _event.Set();
        await Within(next);
    }

    [Fact]
    public void A_second_waiter_is_rejected()
    {
        Assert.False(_event.WaitAsync().AsTask().IsCompleted);
        Assert.Throws<InvalidOperationException>(() => { Assert.False(_event.WaitAsync().AsTask().IsCompleted); });
    }

    [Fact]
    public async Task No_signal_is_lost_while_the_waiter_resets_the_event()
    {
        const int Steps = 100_000;
        var written = 0;
        var setter = Task.Run(() =>
        {
            for (var step = 1; step <= Steps; step++)
            {
                Volatile.Write(ref written, step);
                _event.Set();
            }
        });

        // A lost signal would leave the waiter behind the last step for good.
        while (Volatile.Read(ref written) < Steps)
            await Within(_event.WaitAsync().AsTask());
        await setter;
    }

    private static Task Within(Task wait) => wait.WaitAsync(Patience);
}
