using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Security.Audit;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Manages service instances and their settings: validate, call, map.</summary>
internal sealed partial class ConfigurationGrpcService(
    CommandQueue commands,
    CallReads reads,
    AuditLog audit,
    WebhookAddressPolicy guard,
    WebhookDispatcher webhooks,
    WebhookSecrets secrets,
    ServerSettings settings)
    : ConfigurationService.ConfigurationServiceBase
{
    /// <inheritdoc/>
    public override async Task<CreateServiceInstanceResponse> CreateServiceInstance(
        CreateServiceInstanceRequest request, ServerCallContext context)
    {
        var created = await commands.SubmitAsync(request.ToChange(), context, audit.OfCritical<ServiceRecord>(context, made => made.Sid));
        return new CreateServiceInstanceResponse { ServiceInstance = created.ToMessage() };
    }

    /// <inheritdoc/>
    public override async Task<GetServiceInstanceResponse> GetServiceInstance(GetServiceInstanceRequest request, ServerCallContext context)
    {
        var service = await FindAsync(request.ServiceSid, context);
        return new GetServiceInstanceResponse { ServiceInstance = service.ToMessage() };
    }

    /// <inheritdoc/>
    public override async Task<UpdateServiceInstanceResponse> UpdateServiceInstance(
        UpdateServiceInstanceRequest request, ServerCallContext context)
    {
        var updated = await commands.SubmitAsync(
            request.ToChange(), context, audit.Of<ServiceRecord>(context, service => service.Sid));
        return new UpdateServiceInstanceResponse { ServiceInstance = updated.ToMessage() };
    }

    /// <inheritdoc/>
    public override async Task<ListServiceInstancesResponse> ListServiceInstances(
        ListServiceInstancesRequest request, ServerCallContext context)
    {
        var list = new PageList(PageKind.ServiceInstances);
        var reader = new RequestReader();
        var size = reader.PageSize(request.PageSize);
        var position = reader.PageToken(request.PageToken, list);
        reader.ThrowIfInvalid();

        var store = reads.OfDeployment(context);
        var read = position.IsBackwards
            ? await store.ListServicesBeforeAsync(position.Id, size + 1, context.CancellationToken)
            : await store.ListServicesAsync(position.Id, size + 1, context.CancellationToken);
        var page = Page<ServiceInstance>.Cut(read, size, list, position, service => service.Id, Messages.ToMessage);
        return new ListServiceInstancesResponse
        {
            ServiceInstances = { page.Entries },
            NextPageToken = page.NextToken,
            PreviousPageToken = page.PreviousToken,
        };
    }

    /// <inheritdoc/>
    public override async Task<DeleteServiceInstanceResponse> DeleteServiceInstance(
        DeleteServiceInstanceRequest request, ServerCallContext context)
    {
        await commands.SubmitAsync(request.ToChange(), context, audit.OfCritical<ServiceSid>(context, sid => sid));
        return new DeleteServiceInstanceResponse();
    }

    /// <inheritdoc/>
    public override async Task<GetConfigurationResponse> GetConfiguration(GetConfigurationRequest request, ServerCallContext context)
    {
        var service = await FindAsync(request.ServiceSid, context);
        return new GetConfigurationResponse { Configuration = service.Configuration.ToMessage(service.Sid) };
    }

    /// <inheritdoc/>
    public override async Task<UpdateConfigurationResponse> UpdateConfiguration(
        UpdateConfigurationRequest request, ServerCallContext context)
    {
        var change = request.ToChange(out var sid);
        var paths = string.Join(", ", request.UpdateMask.Paths.Distinct());
        var updated = await commands.SubmitAsync(change, context, audit.Of<ServiceConfiguration>(context, _ => sid, paths));
        return new UpdateConfigurationResponse { Configuration = updated.ToMessage(sid) };
    }

    private async Task<ServiceRecord> FindAsync(string serviceSid, ServerCallContext context)
    {
        var sid = ReadService(serviceSid);
        var store = await reads.OfAsync(sid, context);
        return await store.FindServiceAsync(sid, context.CancellationToken) ?? throw PresenceErrors.ServiceInstanceNotFound(sid);
    }

    private static ServiceSid ReadService(string serviceSid)
    {
        var reader = new RequestReader();
        var sid = reader.Service(serviceSid);
        reader.ThrowIfInvalid();
        return sid;
    }
}
