using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Reads the requests of a public duplex stream, and ends one that is idle or that never ends. Its client needs no credentials, so no quota
/// bounds it.
/// </summary>
/// <typeparam name="TRequest">A message.</typeparam>
internal sealed class PublicStreamReader<TRequest>(IAsyncStreamReader<TRequest> requests, TimeProvider time) : IAsyncStreamReader<TRequest>
{
    private int _read;

    /// <inheritdoc/>
    public TRequest Current => requests.Current;

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (_read == Limits.PublicStreamRequests)
            throw PresenceErrors.StreamMaxAge();
        // Not linked to the call's token: when the call is over, the read itself fails and gives the reason.
        using var idle = new CancellationTokenSource();
        var timeout = Task.Delay(Limits.PublicStreamIdle, time, idle.Token);
        try
        {
            var next = await requests.MoveNextUntilAsync(timeout, cancellationToken) ?? throw PresenceErrors.StreamMaxAge();
            _read++;
            return next;
        }
        finally
        {
            await idle.CancelAsync();
        }
    }
}
