using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;
using GrpcPresence.Server.Mapping;

namespace GrpcPresence.Server.Services;

/// <content>Heartbeats and sessions.</content>
internal sealed partial class UserGrpcService
{
    /// <inheritdoc/>
    public override async Task<V1.HeartbeatResponse> Heartbeat(V1.HeartbeatRequest request, ServerCallContext context)
    {
        var (sid, key, session) = Read(request.ServiceSid, request.UserKey, request.SessionId);
        var service = await services.GetAsync(sid, context.CancellationToken);
        var address = await directory.ResolveAsync(service, key, context.CancellationToken);
        var beat = tracker.Beat(service, address, session, stream: null);
        if (beat.Rejection is { } reason)
            throw Refused(reason, sid, key);
        if (!beat.Stored.IsCompletedSuccessfully)
            await beat.Stored.WaitAsync(context.CancellationToken);
        return new V1.HeartbeatResponse
        {
            HeartbeatInterval = service.Configuration.HeartbeatInterval.ToDuration(),
            SessionTimeout = service.Configuration.SessionTimeout.ToDuration(),
            ReachabilityEnabled = service.Configuration.ReachabilityEnabled,
        };
    }

    /// <inheritdoc/>
    public override async Task StreamHeartbeats(
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> requestStream,
        IServerStreamWriter<V1.StreamHeartbeatsResponse> responseStream,
        ServerCallContext context)
    {
        using var handler = new StreamHeartbeatsHandler(services, directory, tracker, time, lifetime.ApplicationStopping);
        await handler.RunAsync(requestStream, responseStream, context);
    }

    /// <inheritdoc/>
    public override async Task<V1.EndSessionResponse> EndSession(V1.EndSessionRequest request, ServerCallContext context)
    {
        var (sid, key, session) = Read(request.ServiceSid, request.UserKey, request.SessionId);
        var service = await services.GetAsync(sid, context.CancellationToken);
        var address = await directory.ResolveExistingAsync(service, key, context.CancellationToken);
        await tracker.EndSession(service, address, session).WaitAsync(context.CancellationToken);
        return new V1.EndSessionResponse();
    }

    /// <inheritdoc/>
    public override async Task<V1.ListSessionsResponse> ListSessions(V1.ListSessionsRequest request, ServerCallContext context)
    {
        var reader = new RequestReader();
        var sid = reader.Service(request.ServiceSid);
        var key = reader.User(request.UserKey);
        reader.ThrowIfInvalid();

        var service = await services.GetAsync(sid, context.CancellationToken);
        var address = await directory.ResolveExistingAsync(service, key, context.CancellationToken);
        var sessions = tracker.ListSessions(service, address);
        return new V1.ListSessionsResponse
        {
            Sessions = { sessions.Sessions.Select(session => session.ToMessage()) },
            Recovering = sessions.Recovering,
        };
    }

    private static (ServiceSid Service, UserKey User, SessionId Session) Read(string serviceSid, string userKey, string sessionId)
    {
        var reader = new RequestReader();
        var service = reader.Service(serviceSid);
        var user = reader.User(userKey);
        var session = reader.Session(sessionId);
        reader.ThrowIfInvalid();
        return (service, user, session);
    }

    private static PresenceException Refused(ErrorReason reason, ServiceSid service, UserKey key) => reason switch
    {
        ErrorReason.SessionEnded => Refusals.SessionEnded(),
        ErrorReason.ServiceInstanceNotFound => Refusals.ServiceInstanceNotFound(service),
        _ => Refusals.UserNotFound(key),
    };
}
