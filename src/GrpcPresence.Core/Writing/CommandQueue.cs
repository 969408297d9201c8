using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// The commands that wait for the writer, in two lanes. The writer takes some of each lane, so that a sweep of a million expiries does not
/// delay callers. Safe from any thread.
/// </summary>
public sealed class CommandQueue : IDisposable
{
    private readonly Lock _gate = new(); // guards the lanes and the flag; innermost lock, nothing is called under it
    private readonly Queue<Command> _callers = new();
    private readonly Queue<Command> _background = new();
    private readonly ManualResetEventSlim _signal = new();
    private bool _isClosed;

    /// <summary>The number of waiting commands.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _callers.Count + _background.Count;
        }
    }

    /// <summary>Whether <see cref="Close"/> was called.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
                return _isClosed;
        }
    }

    /// <summary>Signalled while commands wait, and after the queue is closed.</summary>
    public WaitHandle Signal => _signal.WaitHandle;

    /// <summary>Queues a command and returns when it is committed and published.</summary>
    /// <exception cref="PresenceException">
    /// The command's rejection, StorageUnavailable, or ServerStopping after <see cref="Close"/>.
    /// </exception>
    public Task<TResult> SubmitAsync<TResult>(Command<TResult> command)
    {
        if (!TryEnqueue(command, background: false))
            command.Fail(PresenceErrors.ServerStopping());
        return command.Completion;
    }

    /// <summary>
    /// Rejects further commands of callers. Queued commands are still written. Later presence transitions are not written, and the store
    /// keeps the last known state.
    /// </summary>
    public void Close()
    {
        lock (_gate)
            _isClosed = true;
        _signal.Set();
    }

    /// <inheritdoc/>
    public void Dispose() => _signal.Dispose();

    /// <summary>Moves the commands of one batch into the list. A <see cref="SwitchShards"/> is alone in its batch.</summary>
    internal void TakeBatch(List<Command> target, int callers, int background)
    {
        lock (_gate)
        {
            for (; callers > 0 && _callers.TryPeek(out var command); callers--)
            {
                if (command is SwitchShards)
                {
                    if (target.Count > 0)
                        break;
                    (callers, background) = (1, 0);
                }
                target.Add(_callers.Dequeue());
            }
            for (; background > 0 && _background.TryDequeue(out var command); background--)
                target.Add(command);
            if (_callers.Count + _background.Count == 0 && !_isClosed)
                _signal.Reset();
        }
    }

    /// <summary>Returns the waiting commands, and leaves them.</summary>
    internal Command[] ToArray()
    {
        lock (_gate)
            return [.. _callers, .. _background];
    }

    /// <summary>
    /// Moves all commands of callers into the list. Until the next command is queued, the signal says nothing about background commands.
    /// </summary>
    internal void TakeCallers(List<Command> target)
    {
        lock (_gate)
        {
            while (_callers.TryDequeue(out var command))
                target.Add(command);
            if (!_isClosed)
                _signal.Reset();
        }
    }

    /// <summary>
    /// Queues a command for what was queued before and must wait for another commit. Accepts it even after <see cref="Close"/>,
    /// because queued commands are still written. Only the writer's thread may call this: it ends once the closed queue is empty.
    /// </summary>
    internal void Requeue(Command command)
    {
        lock (_gate)
            _callers.Enqueue(command);
        _signal.Set();
    }

    /// <summary>Queues a command; returns false after <see cref="Close"/>.</summary>
    internal bool TryEnqueue(Command command, bool background)
    {
        lock (_gate)
        {
            if (_isClosed)
                return false;
            (background ? _background : _callers).Enqueue(command);
        }
        // Setting the event is expensive, and a sweep queues thousands of commands. A thread that resets it in between has taken the
        // command.
        if (!_signal.IsSet)
            _signal.Set();
        return true;
    }
}
