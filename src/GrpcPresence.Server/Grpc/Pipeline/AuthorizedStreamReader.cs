using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// The messages of a client's stream. A message that the caller may not send ends the stream, and so does the end of the caller's
/// credentials.
/// </summary>
/// <typeparam name="TRequest">A message.</typeparam>
internal sealed class AuthorizedStreamReader<TRequest>(
    IAsyncStreamReader<TRequest> messages, Authorizer authorizer, AccessRule<TRequest> rule, CallScope scope) : IAsyncStreamReader<TRequest>
{
    private readonly TaskCompletionSource<PresenceException> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public TRequest Current => messages.Current;

    /// <summary>Ends the stream: the credentials are no longer valid.</summary>
    public void End(PresenceException reason) => _end.TrySetResult(reason);

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        var next = await messages.MoveNextUntilAsync(_end.Task, cancellationToken) ?? throw await _end.Task;
        if (!next)
            return false;
        scope.Read(rule, messages.Current);
        await authorizer.AuthorizeAsync(scope, rule, messages.Current, cancellationToken);
        return true;
    }
}
