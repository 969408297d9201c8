using Grpc.Core;
using GrpcPresence.Client.Connections;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Sessions;

/// <summary>Sends the entries of a batch as single calls, where a proxy breaks streams of requests.</summary>
internal sealed class UnaryHeartbeats(SessionGroup group, ConnectionSettings settings, UserService.UserServiceClient client)
{
    private const int Parallelism = 16;

    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Sends a batch. Returns the error that concerns all sessions, or null.</summary>
    public async Task<CallError?> SendAsync(Batch batch, Metadata headers, CancellationToken cancellationToken)
    {
        CallError? broken = null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var places = new SemaphoreSlim(Parallelism);
        await Task.WhenAll(batch.Sessions.Select(SendOneAsync)).ConfigureAwait(false);
        return broken;

        async Task SendOneAsync(PresenceSession session)
        {
            await places.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            try
            {
                if (Volatile.Read(ref broken) is null && await SendAsync(batch.Kind, session, headers, stop.Token).ConfigureAwait(false)
                    is { } error)
                {
                    Interlocked.CompareExchange(ref broken, error, null);
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }
            finally
            {
                places.Release();
            }
        }
    }

    private async Task<CallError?> SendAsync(
        BatchKind kind, PresenceSession session, Metadata headers, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(CallTimeout, settings.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (kind == BatchKind.Ends)
            {
                await client.EndSessionAsync(
                    new EndSessionRequest
                    {
                        ServiceSid = settings.ServiceSid,
                        UserKey = session.UserKey,
                        SessionId = session.SessionId,
                    },
                    headers, cancellationToken: either.Token).ConfigureAwait(false);
                group.Accept(kind, session);
            }
            else
            {
                var reply = await client.HeartbeatAsync(
                    new HeartbeatRequest
                    {
                        ServiceSid = settings.ServiceSid,
                        UserKey = session.UserKey,
                        SessionId = session.SessionId,
                    },
                    headers, cancellationToken: either.Token).ConfigureAwait(false);
                group.SetPace(reply.HeartbeatInterval, reply.SessionTimeout);
                group.Accept(kind, session);
            }
            return null;
        }
        catch (RpcException failed)
        {
            var error = CallError.From(failed);
            if (!ConcernsSession(error))
                return error;
            group.Reject(kind, session, error);
            return null;
        }
    }

    // A user, an id or a quota that does not fit concerns this session. Everything else concerns the next one too.
    private static bool ConcernsSession(CallError error) => error.Reason switch
    {
        ErrorReason.ServiceInstanceNotFound or ErrorReason.HostNotAllowed => false,
        ErrorReason.QuotaExceeded or ErrorReason.StorageUnavailable or ErrorReason.OwnerUnavailable
            or ErrorReason.OutcomeUnknown or ErrorReason.Internal => true,
        _ => error.IsFinal,
    };
}
