using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>The messages of a client's stream, each of which is let in or ends the stream; and so does the end of the caller.</summary>
/// <typeparam name="TRequest">A message.</typeparam>
internal sealed class AuthorizedStreamReader<TRequest>(IAsyncStreamReader<TRequest> messages, Authorizer gate, AccessRule<TRequest> rule, Caller caller)
    : IAsyncStreamReader<TRequest>
{
    private readonly TaskCompletionSource<PresenceException> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public TRequest Current => messages.Current;

    /// <summary>The caller is let in no more.</summary>
    public void End(PresenceException reason) => _end.TrySetResult(reason);

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        var next = await messages.MoveNextUntilAsync(_end.Task, cancellationToken) ?? throw await _end.Task;
        if (!next)
            return false;
        await gate.AuthorizeAsync(caller, rule, messages.Current, cancellationToken);
        return true;
    }
}
