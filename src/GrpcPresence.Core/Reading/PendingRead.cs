namespace GrpcPresence.Core.Reading;

/// <summary>A read that waits for its turn.</summary>
internal abstract class PendingRead(ReadOwner owner)
{
    public ReadOwner Owner => owner;

    /// <summary>The place in the queue; null once the read was taken or cancelled. Guarded by the lock of the queue.</summary>
    public LinkedListNode<PendingRead>? Place { get; set; }

    /// <summary>Reads, and completes the read. The task does not fail, and is complete if the store reads synchronously.</summary>
    public abstract Task RunAsync();

    /// <summary>Completes a read that was not taken.</summary>
    public abstract void Fail(Exception exception);
}

/// <summary>A read with its result.</summary>
internal sealed class PendingRead<TResult>(ReadOwner owner, Func<ValueTask<TResult>> read) : PendingRead(owner)
{
    // The threads that read must not run what waits for the result.
    private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<TResult> Completion => _completion.Task;

    public override async Task RunAsync()
    {
        try
        {
            _completion.TrySetResult(await read().ConfigureAwait(false));
        }
#pragma warning disable CA1031 // the exception belongs to the code that waits for the result, not to the thread that reads
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _completion.TrySetException(exception);
        }
    }

    public override void Fail(Exception exception)
    {
        if (exception is OperationCanceledException cancelled)
            _completion.TrySetCanceled(cancelled.CancellationToken);
        else
            _completion.TrySetException(exception);
    }
}
