using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Grpc.Services.Heartbeats;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Grpc.Services;

/// <content>Heartbeats and sessions.</content>
internal sealed partial class UserGrpcService
{
    /// <inheritdoc/>
    public override Task<V1.HeartbeatResponse> Heartbeat(V1.HeartbeatRequest request, ServerCallContext context)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        var (sid, key, session) = Read(scope, request.ServiceSid, request.UserKey, request.SessionId);
        // Nearly every heartbeat completes synchronously: it waits neither for a read nor for a commit.
        var found = scope.GetTenantAsync(sid, services, context.CancellationToken);
        if (!found.IsCompletedSuccessfully)
            return HeartbeatAsync(found, key, session, context.CancellationToken);
        var service = found.Result;
        if (!users.TryResolve(service, key, out var user))
            return HeartbeatAsync(new(service), key, session, context.CancellationToken);
        var stored = Beat(service, key, user, session);
        return stored.IsCompletedSuccessfully
            ? heartbeatReplies.Of(service.Configuration)
            : ReplyAsync(service, stored, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task StreamHeartbeats(
        IAsyncStreamReader<V1.StreamHeartbeatsRequest> requestStream,
        IServerStreamWriter<V1.StreamHeartbeatsResponse> responseStream,
        ServerCallContext context)
    {
        using var handler = new StreamHeartbeatsHandler(
            services, users, sessions, quotas, CallScope.Of(context.GetHttpContext()).Caller, time, lifetime.ApplicationStopping);
        await handler.RunAsync(requestStream, responseStream, context);
    }

    /// <inheritdoc/>
    public override async Task<V1.EndSessionResponse> EndSession(V1.EndSessionRequest request, ServerCallContext context)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        var (sid, key, session) = Read(scope, request.ServiceSid, request.UserKey, request.SessionId);
        var service = await scope.GetTenantAsync(sid, services, context.CancellationToken);
        var stored = await sessions.BeginEndAsync(service, key, session, context.CancellationToken);
        await stored.WaitAsync(context.CancellationToken);
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
        var user = await users.ResolveExistingAsync(service, key, context.CancellationToken);
        var live = tracker.ListSessions(service, user);
        return new V1.ListSessionsResponse
        {
            Sessions = { live.Sessions.Select(session => session.ToMessage()) },
            Recovering = live.Recovering,
        };
    }

    private async Task<V1.HeartbeatResponse> HeartbeatAsync(
        ValueTask<CachedService> finding, UserKey key, SessionId session, CancellationToken cancellationToken)
    {
        var service = await finding;
        var user = await users.ResolveAsync(service, key, cancellationToken);
        return await ReplyAsync(service, Beat(service, key, user, session), cancellationToken);
    }

    private async Task<V1.HeartbeatResponse> ReplyAsync(CachedService service, Task stored, CancellationToken cancellationToken)
    {
        await stored.WaitAsync(cancellationToken);
        return await heartbeatReplies.Of(service.Configuration);
    }

    /// <summary>Renews the lease. The task completes when the visible result is stored.</summary>
    private Task Beat(CachedService service, UserKey key, in UserRef user, SessionId session)
    {
        var beat = sessions.Beat(service, user, session, stream: default);
        return beat.Rejection is { } reason ? throw ErrorOf(reason, service.Sid, key) : beat.Stored;
    }

    private static (ServiceSid Service, UserKey User, SessionId Session) Read(
        CallScope scope, string serviceSid, string userKey, string sessionId)
    {
        if (scope is { Service: { } sid, User: { } key } && SessionId.TryParse(sessionId, out var id))
            return (sid, key, id);
        // Something is wrong: the reader says what.
        var reader = new RequestReader();
        var service = reader.Service(serviceSid);
        var user = reader.User(userKey);
        var session = reader.Session(sessionId);
        reader.ThrowIfInvalid();
        return (service, user, session);
    }

    private static PresenceException ErrorOf(ErrorReason reason, ServiceSid service, UserKey key) => reason switch
    {
        ErrorReason.SessionEnded => PresenceErrors.SessionEnded(),
        ErrorReason.ServiceInstanceNotFound => PresenceErrors.ServiceInstanceNotFound(service),
        _ => PresenceErrors.UserNotFound(key),
    };
}
