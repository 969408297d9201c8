using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>A command that a caller waits for.</summary>
/// <typeparam name="TResult">What the caller gets after the commit.</typeparam>
public abstract class Command<TResult> : Command
{
    private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TResult? _result;
    private PresenceException? _error;

    /// <summary>
    /// Completes when the command is committed and published. Faults with the reason if it was rejected or could not be stored.
    /// </summary>
    public Task<TResult> Completion => _completion.Task;

    /// <summary>
    /// The API key of the caller. It must still be in force when the command is decided. Null for a command that does not depend on it.
    /// </summary>
    public ApiKeySid? Actor { get; set; }

    /// <summary>
    /// Called on the writer's thread when the command is committed, even if the caller already got the error that the outcome is unknown.
    /// It must neither wait nor throw.
    /// </summary>
    public Action<TResult>? Committed { get; set; }

    internal sealed override void Collect(KeyCollector keys)
    {
        if (Actor is { } actor)
            keys.ApiKey(actor);
        CollectCore(keys);
    }

    internal sealed override void Decide(CommandBatch batch)
    {
        try
        {
            if (Actor is { } actor)
                batch.RequireInForce(actor);
            _result = DecideCore(batch);
        }
        catch (PresenceException error) when (error is not StorageException)
        {
            // The caller gets this together with the rest of the batch: the commit on which the decision depends may still fail.
            _error = error;
        }
    }

    internal sealed override void Settle(CounterShift shift)
    {
        if (_result is { } result)
            _result = shift.OfAnswer(result);
    }

    internal override void Complete(ITrackedUsers users)
    {
        if (_error is not null)
        {
            FailCompletion(_error);
            return;
        }
        try
        {
            Committed?.Invoke(_result!);
        }
        finally
        {
            _completion.TrySetResult(_result!);
        }
    }

    internal override void Fail(PresenceException reason) => FailCompletion(reason);

    internal sealed override void Reset()
    {
        _result = default;
        _error = null;
    }

    internal override void FailPermanently(PresenceException reason) => FailCompletion(reason);

    /// <summary>Replaces the result of the decision, because only the commit shows it.</summary>
    private protected void Answer(TResult result) => _result = result;

    /// <summary>Whether the command was rejected.</summary>
    private protected bool IsRejected => _error is not null;

    /// <inheritdoc cref="Command.Collect"/>
    private protected abstract void CollectCore(KeyCollector keys);

    /// <summary>Decides and writes. A rejected command throws before it writes anything.</summary>
    private protected abstract TResult DecideCore(CommandBatch batch);

    private void FailCompletion(PresenceException reason)
    {
        _completion.TrySetException(reason);
        _ = _completion.Task.Exception; // observed: the caller may be gone
    }
}
