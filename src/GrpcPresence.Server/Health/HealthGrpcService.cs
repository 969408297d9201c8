using Grpc.Core;
using Grpc.Health.V1;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Health;

/// <summary>Implements the standard health service.</summary>
internal sealed class HealthGrpcService(HealthStatuses statuses) : global::Grpc.Health.V1.Health.HealthBase
{
    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        statuses.Find(request.Service) is { } status
            ? Task.FromResult(new HealthCheckResponse { Status = status })
            // The health protocol defines this status without error details.
            : throw new RpcException(new Status(StatusCode.NotFound, "Unknown service name. Use an empty name for the whole server."));

    /// <inheritdoc/>
    public override Task<HealthListResponse> List(HealthListRequest request, ServerCallContext context)
    {
        var response = new HealthListResponse();
        foreach (var (name, status) in statuses.ToDictionary())
            response.Statuses[name] = new HealthCheckResponse { Status = status };
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using var subscription = statuses.Subscribe(request.Service);
        await foreach (var status in subscription.ReadAllAsync(context.CancellationToken))
            await responseStream.WriteAsync(new HealthCheckResponse { Status = status });
        throw PresenceErrors.ServerStopping();
    }
}
