using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Presence;
using GrpcPresence.Server.Access;
using GrpcPresence.Server.Mapping;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Services;

/// <summary>Users, their presence and their push bindings: validate, call, map. One file for each group of methods.</summary>
internal sealed partial class UserGrpcService(
    ChangeQueue changes,
    IStoreReader store,
    ServiceDirectory services,
    UserDirectory directory,
    PresenceTracker tracker,
    HeartbeatReplies heartbeatReplies,
    AuditLog audit,
    CallQuotas quotas,
    TimeProvider time,
    IHostApplicationLifetime lifetime) : UserService.UserServiceBase;
