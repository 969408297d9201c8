using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of push bindings, which clients create for themselves and back ends inspect.</summary>
internal static class BindingEndpoints
{
    private const int MostPerPage = 100;
    private const string Bindings = RestPaths.Service + "/Bindings";
    private const string OneBinding = Bindings + "/{" + RestPaths.Sid + "}";
    private const string BindingType = "BindingType";
    private const string Identity = "Identity";

    private static readonly RestParameter Sid =
        RestParameter.Path(RestPaths.Sid, "The SID of the push binding: BS followed by 32 hexadecimal digits.");

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Bindings,
            new RestOperation(
                "ListServiceBinding",
                "Lists push bindings.",
                StatusCodes.Status200OK,
                [
                    RestPaths.InService,
                    RestParameter.Query(
                        BindingType,
                        RestParameterType.Texts,
                        $"Lists only bindings of these push services: {string.Join(", ", BindingTypeNames.All)}. "
                        + $"No binding has the type {BindingTypeNames.Connected}."),
                    RestParameter.Query(Identity, RestParameterType.Texts, "Lists only bindings of these users. At most 50."),
                    .. RestPage.Parameters(MostPerPage),
                ]),
            ListAsync);
        routes.Get(
            OneBinding,
            new RestOperation("FetchServiceBinding", "Reads a push binding.", StatusCodes.Status200OK, [RestPaths.InService, Sid]),
            FetchAsync);
        routes.Delete(
            OneBinding,
            new RestOperation(
                "DeleteServiceBinding", "Deletes a push binding.", StatusCodes.Status204NoContent, [RestPaths.InService, Sid]),
            DeleteAsync);
    }

    private static async Task<BindingPage> ListAsync(RestRequest call)
    {
        var page = RestPage.Read(call, MostPerPage);
        var request = new V1.ListPushBindingsRequest
        {
            ServiceSid = call.Path(RestPaths.ServiceSid),
            PageSize = page.Size,
            PageToken = page.Token,
        };
        request.UserKeys.AddRange(call.Queries(Identity));
        var types = call.Queries(BindingType);
        var served = types.Where(type => !type.Equals(BindingTypeNames.Connected, StringComparison.OrdinalIgnoreCase)).ToList();
        request.BindingTypes.AddRange(served.Select(BindingTypeNames.Parse));
        var read = await call.CallAsync<V1.ListPushBindingsRequest, V1.ListPushBindingsResponse>(request);
        // Only types that no binding has. The call above has checked the rest of the request.
        if (types.Count > 0 && served.Count == 0)
            read = new V1.ListPushBindingsResponse();
        return new BindingPage(
            [.. read.PushBindings.Select(binding => BindingResource.Of(binding, call))],
            page.Meta(call, "bindings", read.NextPageToken, read.PreviousPageToken));
    }

    private static async Task<BindingResource> FetchAsync(RestRequest call)
    {
        var read = await call.CallAsync<V1.GetPushBindingRequest, V1.GetPushBindingResponse>(
            new V1.GetPushBindingRequest { ServiceSid = call.Path(RestPaths.ServiceSid), PushBindingSid = call.Path(RestPaths.Sid) });
        return BindingResource.Of(read.PushBinding, call);
    }

    private static Task DeleteAsync(RestRequest call) =>
        call.CallAsync<V1.DeletePushBindingRequest, V1.DeletePushBindingResponse>(
            new V1.DeletePushBindingRequest { ServiceSid = call.Path(RestPaths.ServiceSid), PushBindingSid = call.Path(RestPaths.Sid) });
}
