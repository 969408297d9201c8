using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Manages users, their presence and their push bindings: validate, call, map. Each group of methods has its own file. <c>WatchUsers</c> is
/// handled by <see cref="WatchUsersHandler"/>, to which <see cref="Pipeline.MethodBinder"/> binds it.
/// </summary>
internal sealed partial class UserGrpcService(
    CommandQueue commands,
    CallReads reads,
    ServiceCache services,
    UserResolver users,
    PresenceTracker tracker,
    UserSessions sessions,
    HeartbeatReplies heartbeatReplies,
    AuditLog audit,
    EditHook editHook,
    CallQuotas quotas,
    TimeProvider time,
    IHostApplicationLifetime lifetime) : UserService.UserServiceBase;
