using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing;

/// <summary>A command that a caller waits for.</summary>
/// <typeparam name="TResult">What the caller gets when it is committed.</typeparam>
public abstract class Command<TResult> : Command
{
    private readonly TaskCompletionSource<TResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TResult? _result;
    private PresenceException? _refusal;

    /// <summary>Completes when the command is committed and published; faults with the reason when it was refused or could not be stored.</summary>
    public Task<TResult> Completion => _completion.Task;

    /// <summary>The API key by which it is asked for, which must still be in force when it is decided; null for a command that need not know.</summary>
    public ApiKeySid? Actor { get; set; }

    /// <summary>
    /// Is called when the command is committed, also when its caller was told that this is not known. By the writer's thread: it must neither wait nor throw.
    /// </summary>
    public Action<TResult>? Committed { get; set; }

    internal sealed override void Decide(CommandBatch batch)
    {
        try
        {
            if (Actor is { } actor)
                batch.RequireInForce(actor);
            _result = DecideCore(batch);
        }
        catch (PresenceException refusal) when (refusal is not StorageException)
        {
            // Told to the caller with the rest of the batch: what it rests on may not be committed in the end.
            _refusal = refusal;
        }
    }

    internal override void Complete(ITrackedUsers users)
    {
        if (_refusal is not null)
        {
            Fail(_refusal);
            return;
        }
        Committed?.Invoke(_result!);
        _completion.TrySetResult(_result!);
    }

    internal sealed override void Fail(PresenceException reason)
    {
        _completion.TrySetException(reason);
        _ = _completion.Task.Exception; // observed: the caller may have gone away
    }

    internal sealed override void Reset()
    {
        _result = default;
        _refusal = null;
    }

    internal sealed override void FailPermanently(PresenceException reason) => Fail(reason);

    /// <summary>Whether the command was refused.</summary>
    private protected bool IsRefused => _refusal is not null;

    /// <summary>Decides and writes; throws the refusal before it has written anything.</summary>
    private protected abstract TResult DecideCore(CommandBatch batch);
}
