using GrpcPresence.Core.Errors;

namespace GrpcPresence.Testing;

/// <summary>Makes an <see cref="InMemoryPresenceStore"/> throw <see cref="StorageException"/>. Safe from any thread.</summary>
public sealed class StoreFaults
{
    private readonly Lock _gate = new(); // guards the fields
    private int _operationsUntilFault; // 0: none
    private CommitFault _commitFault;
    private bool _isDown;
    private bool _areReadsDown;
    private int _reads;

    /// <summary>How many reads were begun.</summary>
    public int Reads
    {
        get
        {
            lock (_gate)
                return _reads;
        }
    }

    /// <summary>Makes the n-th operation of the writer from now fail: a begin, a call within a transaction, a commit, or a reopening; 1 is the next.</summary>
    public void FailOperation(int number)
    {
        lock (_gate)
            _operationsUntilFault = number;
    }

    /// <summary>Makes the next commit report failure.</summary>
    public void FailCommit(CommitFault fault)
    {
        lock (_gate)
            _commitFault = fault;
    }

    /// <summary>Makes every operation of the writer fail, or work again.</summary>
    public void FailAllOperations(bool fail)
    {
        lock (_gate)
            _isDown = fail;
    }

    /// <summary>Makes every read fail, or work again.</summary>
    public void FailReads(bool fail)
    {
        lock (_gate)
            _areReadsDown = fail;
    }

    /// <summary>Ends all faults.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _operationsUntilFault = 0;
            _commitFault = CommitFault.None;
            _isDown = false;
            _areReadsDown = false;
        }
    }

    internal void OnOperation()
    {
        lock (_gate)
        {
            var isDue = _operationsUntilFault > 0 && --_operationsUntilFault == 0;
            if (isDue || _isDown)
                throw new StorageException("The operation was made to fail.");
        }
    }

    internal void OnRead()
    {
        lock (_gate)
        {
            _reads++;
            if (_areReadsDown)
                throw new StorageException("The read was made to fail.");
        }
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
