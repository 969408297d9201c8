using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Caches the reply to unary heartbeats, one for each configuration. The reply does not depend on the user and is only encoded, so all
/// calls share it, and a heartbeat that changes nothing allocates no reply.
/// </summary>
internal sealed class HeartbeatReplies
{
    private readonly ConditionalWeakTable<ServiceConfiguration, Task<V1.HeartbeatResponse>> _replies = [];

    /// <summary>Returns the reply under the configuration, as a completed task.</summary>
    public Task<V1.HeartbeatResponse> Of(ServiceConfiguration configuration) =>
        _replies.GetValue(configuration, Create);

    private static Task<V1.HeartbeatResponse> Create(ServiceConfiguration configuration) => Task.FromResult(new V1.HeartbeatResponse
    {
        HeartbeatInterval = configuration.HeartbeatInterval.ToDuration(),
        SessionTimeout = configuration.SessionTimeout.ToDuration(),
        ReachabilityEnabled = configuration.ReachabilityEnabled,
    });
}
