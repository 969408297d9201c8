using System.Threading.Tasks.Sources;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Where a watch's one reader waits, over and over, without an allocation for each time. Every member is to be called under the watcher's lock, but for
/// what the awaiting itself calls.
/// </summary>
internal sealed class Sleeper : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };

    /// <summary>Whether somebody waits.</summary>
    public bool IsAsleep { get; private set; }

    /// <summary>Waits for the next <see cref="Wake"/>. To be awaited before it is called again.</summary>
    public ValueTask Sleep()
    {
        _core.Reset();
        IsAsleep = true;
        return new ValueTask(this, _core.Version);
    }

    /// <summary>Ends the waiting, if there is any. The reader goes on on another thread.</summary>
    public void Wake()
    {
        if (!IsAsleep)
            return;
        IsAsleep = false;
        _core.SetResult(true);
    }

    /// <inheritdoc/>
    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    /// <inheritdoc/>
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
