namespace GrpcPresence.Server.Hosting;

/// <summary>Counts the streams that are open, and those that stopping had to reset. Safe from any thread.</summary>
internal sealed class OpenStreams
{
    private readonly Lock _gate = new(); // guards the count of open streams and who waits for them; nothing is called under it
    private TaskCompletionSource? _noneOpen;
    private int _count;
    private long _resets;

    /// <summary>How many streams were reset because they did not end in time.</summary>
    public long Resets => Volatile.Read(ref _resets);

    /// <summary>A stream was reset.</summary>
    public void CountReset() => Interlocked.Increment(ref _resets);

    /// <summary>A stream was opened; it is closed when what is returned is disposed of.</summary>
    public IDisposable Open()
    {
        lock (_gate)
            _count++;
        return new Stream(this);
    }

    /// <summary>Completes when no stream is open; null when none is now.</summary>
    public Task? WhenNoneOpen()
    {
        lock (_gate)
        {
            if (_count == 0)
                return null;
            _noneOpen ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _noneOpen.Task;
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            if (--_count > 0)
                return;
            _noneOpen?.SetResult();
            _noneOpen = null;
        }
    }

    private sealed class Stream(OpenStreams owner) : IDisposable
    {
        public void Dispose() => owner.Close();
    }
}
