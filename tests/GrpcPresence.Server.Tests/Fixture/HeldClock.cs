namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>A clock whose timers of one length fire when the test releases them; other timers never fire.</summary>
internal sealed class HeldClock(TimeSpan held) : TimeProvider
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Fires the timers.</summary>
    public void Release() => _release.TrySetResult();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new HeldTimer();
        if (dueTime == held)
            _ = _release.Task.ContinueWith(_ => timer.Fire(callback, state), TaskScheduler.Default);
        return timer;
    }

    private sealed class HeldTimer : ITimer
    {
        private volatile bool _isDisposed;

        public void Fire(TimerCallback callback, object? state)
        {
            if (!_isDisposed)
                callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose() => _isDisposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
