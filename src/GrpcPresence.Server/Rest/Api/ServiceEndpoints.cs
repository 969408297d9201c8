using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of service instances.</summary>
internal static class ServiceEndpoints
{
    private const int MostPerPage = 100;
    private const string FriendlyName = "FriendlyName";

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            RestPaths.Services,
            new RestOperation("ListService", "Lists service instances.", StatusCodes.Status200OK, RestPage.Parameters(MostPerPage)),
            ListAsync);
        routes.Post(
            RestPaths.Services,
            new RestOperation(
                "CreateService",
                "Creates a service instance. Reachability is off by default.",
                StatusCodes.Status201Created,
                [
                    RestParameter.Form(
                        FriendlyName,
                        RestParameterType.Text,
                        "A display name of at most 256 characters.",
                        Limits.FriendlyNameBytes,
                        isRequired: true),
                ]),
            CreateAsync);
        routes.Get(
            RestPaths.Service,
            new RestOperation("FetchService", "Reads a service instance.", StatusCodes.Status200OK, [RestPaths.InService]),
            FetchAsync);
        routes.Delete(
            RestPaths.Service,
            new RestOperation(
                "DeleteService", "Deletes a service instance and its contents.", StatusCodes.Status204NoContent, [RestPaths.InService]),
            DeleteAsync);
    }

    private static async Task<ServicePage> ListAsync(RestRequest call)
    {
        var page = RestPage.Read(call, MostPerPage);
        var read = await call.CallAsync<V1.ListServiceInstancesRequest, V1.ListServiceInstancesResponse>(
            new V1.ListServiceInstancesRequest { PageSize = page.Size, PageToken = page.Token });
        return new ServicePage(
            [.. read.ServiceInstances.Select(service => ServiceResource.Of(service, call))],
            page.Meta(call, "services", read.NextPageToken, read.PreviousPageToken));
    }

    private static async Task<ServiceResource> CreateAsync(RestRequest call)
    {
        var created = await call.CallAsync<V1.CreateServiceInstanceRequest, V1.CreateServiceInstanceResponse>(
            new V1.CreateServiceInstanceRequest { FriendlyName = call.RequiredText(FriendlyName) });
        return ServiceResource.Of(created.ServiceInstance, call);
    }

    private static async Task<ServiceResource> FetchAsync(RestRequest call)
    {
        var read = await call.CallAsync<V1.GetServiceInstanceRequest, V1.GetServiceInstanceResponse>(
            new V1.GetServiceInstanceRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return ServiceResource.Of(read.ServiceInstance, call);
    }

    private static Task DeleteAsync(RestRequest call) =>
        call.CallAsync<V1.DeleteServiceInstanceRequest, V1.DeleteServiceInstanceResponse>(
            new V1.DeleteServiceInstanceRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
}
