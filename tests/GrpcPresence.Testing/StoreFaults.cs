using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Testing;

/// <summary>Makes an <see cref="InMemoryPresenceStore"/> throw <see cref="StorageException"/>. Safe from any thread.</summary>
public sealed class StoreFaults : IDisposable
{
    private readonly Lock _gate = new(); // guards the fields
    private readonly ManualResetEventSlim _open = new(initialState: true); // waited for outside the lock
    private int _operationsUntilFault; // 0: none
    private CommitFault _commitFault;
    private Action? _afterBatchRead;
    private bool _isDown;
    private int _staleCommits;
    private ServiceSid? _staleService;
    private bool _completesLater;
    private (TaskCompletionSource Began, Task Until)? _delayedReopening;
    private readonly List<(object Reader, TaskCompletionSource Release)> _stalled = [];
    private Exception? _readFault;
    private bool _areReadsStalled;
    private int _readsUntilStall = -1; // reads by any reader; -1: no stall
    private int _reads;
    private TaskCompletionSource? _nextStall;

    /// <summary>The name under which the present flow reads. Only named reads are stalled.</summary>
    public AsyncLocal<object?> Reader { get; } = new();

    /// <summary>The number of reads so far.</summary>
    public int Reads
    {
        get
        {
            lock (_gate)
                return _reads;
        }
    }

    /// <summary>
    /// Makes the n-th operation of the writer from now fail: a read, a commit, a purge, or a reopening. 1 is the next.
    /// </summary>
    public void FailOperation(int number)
    {
        lock (_gate)
            _operationsUntilFault = number;
    }

    /// <summary>Calls this once the next read of a batch has taken its moment.</summary>
    public void AfterNextBatchRead(Action action)
    {
        lock (_gate)
            _afterBatchRead = action;
    }

    /// <summary>Makes the next commit report failure.</summary>
    public void FailCommit(CommitFault fault)
    {
        lock (_gate)
            _commitFault = fault;
    }

    /// <summary>
    /// Makes the next commits find everything stale that they write to, or only one service instance, as if another writer had been faster.
    /// </summary>
    public void MakeNextCommitStale(ServiceSid? service = null, int commits = 1)
    {
        lock (_gate)
            (_staleCommits, _staleService) = (commits, service);
    }

    /// <summary>Makes the operations of the writer complete on another thread, or on the caller's.</summary>
    public void CompleteLater(bool later)
    {
        lock (_gate)
            _completesLater = later;
    }

    /// <summary>Makes the next reopening wait for a task without a thread. Returns a task that completes when it does.</summary>
    public Task DelayReopening(Task until)
    {
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _delayedReopening = (began, until);
        return began.Task;
    }

    /// <summary>Makes every operation of the writer fail, or work again.</summary>
    public void FailAllOperations(bool fail)
    {
        lock (_gate)
            _isDown = fail;
    }

    /// <summary>Makes every operation of the writer wait, like a disk that does not respond, or continue.</summary>
    public void HoldOperations(bool hold)
    {
        if (hold)
            _open.Reset();
        else
            _open.Set();
    }

    /// <summary>Makes every read fail, or work again.</summary>
    public void FailReads(bool fail)
    {
        lock (_gate)
            _readFault = fail ? new StorageException("The read was made to fail.") : null;
    }

    /// <summary>Makes every read throw this exception, as a bug in the program would.</summary>
    public void BreakReads(Exception exception)
    {
        lock (_gate)
            _readFault = exception;
    }

    /// <summary>
    /// Makes every named read that begins from now on hang after it has taken its moment, until it is released; or stops that.
    /// </summary>
    public void StallReads(bool stall)
    {
        lock (_gate)
            _areReadsStalled = stall;
    }

    /// <summary>Makes every later read, after so many more, hang until it is released, whatever its name.</summary>
    public void StallAllReads(int after)
    {
        lock (_gate)
            _readsUntilStall = after;
    }

    /// <summary>Completes when the next read is stalled, or the next operation of the writer is held.</summary>
    public Task NextStall()
    {
        lock (_gate)
        {
            _nextStall ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _nextStall.Task;
        }
    }

    /// <summary>Whether any read is stalled.</summary>
    public bool AreReadsHanging
    {
        get
        {
            lock (_gate)
                return _stalled.Count > 0;
        }
    }

    /// <summary>Whether a read with this name is stalled.</summary>
    public bool IsStalled(object reader)
    {
        lock (_gate)
            return _stalled.Exists(stalled => stalled.Reader == reader);
    }

    /// <summary>Lets one of the stalled reads complete, in any order; the number selects it.</summary>
    public void ReleaseRead(int choice)
    {
        lock (_gate)
        {
            if (_stalled.Count == 0)
                return;
            _stalled[choice % _stalled.Count].Release.SetResult();
            _stalled.RemoveAt(choice % _stalled.Count);
        }
    }

    /// <summary>Ends all faults.</summary>
    public void Clear()
    {
        _open.Set();
        lock (_gate)
        {
            _areReadsStalled = false;
            _readsUntilStall = -1;
            _stalled.ForEach(stalled => stalled.Release.SetResult());
            _stalled.Clear();
            _operationsUntilFault = 0;
            _commitFault = CommitFault.None;
            _staleCommits = 0;
            _isDown = false;
            _readFault = null;
            _afterBatchRead = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _open.Dispose();

    internal void OnBatchRead()
    {
        Action? action;
        lock (_gate)
            (action, _afterBatchRead) = (_afterBatchRead, null);
        action?.Invoke();
    }

    internal void OnOperation()
    {
        if (!_open.IsSet)
        {
            lock (_gate)
                CompleteNextStall();
        }
        _open.Wait();
        lock (_gate)
        {
            var isDue = _operationsUntilFault > 0 && --_operationsUntilFault == 0;
            if (isDue || _isDown)
                throw new StorageException("The operation was made to fail.");
        }
    }

    internal Task CompleteLaterAsync()
    {
        lock (_gate)
            return _completesLater ? Task.Run(static () => { }) : Task.CompletedTask;
    }

    internal Task DelayReopeningAsync()
    {
        lock (_gate)
        {
            if (_delayedReopening is not { } delayed)
                return Task.CompletedTask;
            _delayedReopening = null;
            delayed.Began.SetResult();
            return delayed.Until;
        }
    }

    internal bool TakeStale(out ServiceSid? only)
    {
        lock (_gate)
        {
            only = _staleService;
            return _staleCommits > 0 && _staleCommits-- > 0;
        }
    }

    internal void OnRead()
    {
        lock (_gate)
        {
            _reads++;
            if (_readFault is not null)
                throw _readFault;
        }
    }

    /// <summary>Completes when a read that has taken its moment may return it.</summary>
    internal Task StallAsync()
    {
        lock (_gate)
        {
            if (_readsUntilStall > 0)
                _readsUntilStall--;
            else if (_readsUntilStall == 0 || (_areReadsStalled && Reader.Value is not null))
                return Stall(Reader.Value ?? this);
            return Task.CompletedTask;
        }
    }

    private Task Stall(object reader)
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _stalled.Add((reader, release));
        CompleteNextStall();
        return release.Task;
    }

    // Call it under the lock.
    private void CompleteNextStall()
    {
        _nextStall?.SetResult();
        _nextStall = null;
    }

    internal CommitFault TakeCommitFault()
    {
        lock (_gate)
        {
            var fault = _commitFault;
            _commitFault = CommitFault.None;
            return fault;
        }
    }
}
