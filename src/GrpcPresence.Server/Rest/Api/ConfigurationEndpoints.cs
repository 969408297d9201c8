using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of the settings of service instances.</summary>
internal static class ConfigurationEndpoints
{
    private const string Path = RestPaths.Service + "/Configuration";
    private const string ReachabilityEnabled = "reachability_enabled";

    private static readonly string[] Roles =
        ["default_conversation_creator_role_sid", "default_conversation_role_sid", "default_service_role_sid"];

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Path,
            new RestOperation(
                "FetchServiceConfiguration",
                "Reads the configuration of a service instance.",
                StatusCodes.Status200OK,
                [RestPaths.InService]),
            FetchAsync);
        routes.Post(
            Path,
            new RestOperation(
                "UpdateServiceConfiguration",
                "Updates the given settings and keeps the others.",
                StatusCodes.Status200OK,
                [
                    RestPaths.InService,
                    RestParameter.Form(
                        ParameterNames.Of(ReachabilityEnabled),
                        RestParameterType.Flag,
                        "Whether the server tracks and reports reachability."),
                    .. Roles.Select(role => RestParameter.Form(
                        ParameterNames.Of(role),
                        RestParameterType.Text,
                        "The SID of the role: RL followed by 32 hexadecimal digits, or empty.")),
                ]),
            UpdateAsync);
    }

    private static async Task<ConfigurationResource> FetchAsync(RestRequest call)
    {
        var read = await call.CallAsync<V1.GetConfigurationRequest, V1.GetConfigurationResponse>(
            new V1.GetConfigurationRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return ConfigurationResource.Of(read.Configuration, call);
    }

    private static async Task<ConfigurationResource> UpdateAsync(RestRequest call)
    {
        var configuration = new V1.Configuration { ServiceSid = call.Path(RestPaths.ServiceSid) };
        var mask = FormFields.Take(call, configuration, [ReachabilityEnabled, .. Roles]);
        if (mask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateConfigurationRequest, V1.UpdateConfigurationResponse>(
            new V1.UpdateConfigurationRequest { Configuration = configuration, UpdateMask = mask }, given => given.ToChange(out _));
        return ConfigurationResource.Of(updated.Configuration, call);
    }
}
