using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>The replies to heartbeats, one for each configuration: they say nothing of the user. They are only ever encoded, so all calls may share them.</summary>
internal sealed class HeartbeatReplies
{
    private readonly ConditionalWeakTable<ServiceConfiguration, Task<V1.HeartbeatResponse>> _replies = [];

    /// <summary>The reply under the configuration, as a task that is complete.</summary>
    public Task<V1.HeartbeatResponse> Of(ServiceConfiguration configuration) =>
        _replies.GetValue(configuration, Make);

    private static Task<V1.HeartbeatResponse> Make(ServiceConfiguration configuration) => Task.FromResult(new V1.HeartbeatResponse
    {
        HeartbeatInterval = configuration.HeartbeatInterval.ToDuration(),
        SessionTimeout = configuration.SessionTimeout.ToDuration(),
        ReachabilityEnabled = configuration.ReachabilityEnabled,
    });
}
