using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Mapping;
using GrpcPresence.Server.Rest.Calls;
using GrpcPresence.Server.Rest.Documents;
using GrpcPresence.Server.Rest.Resources;

namespace GrpcPresence.Server.Rest.Endpoints;

/// <summary>The settings of service instances.</summary>
internal static class ConfigurationEndpoints
{
    private const string Path = RestPaths.Service + "/Configuration";
    private const string ReachabilityEnabled = "ReachabilityEnabled";

    /// <summary>The roles, by their parameters, as the fields of the message.</summary>
    private static readonly (string Parameter, string Field, Action<V1.Configuration, string> Set)[] Roles =
    [
        ("DefaultConversationCreatorRoleSid", "default_conversation_creator_role_sid", (to, sid) => to.DefaultConversationCreatorRoleSid = sid),
        ("DefaultConversationRoleSid", "default_conversation_role_sid", (to, sid) => to.DefaultConversationRoleSid = sid),
        ("DefaultChatServiceRoleSid", "default_service_role_sid", (to, sid) => to.DefaultServiceRoleSid = sid),
    ];

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Path,
            new RestOperation("FetchServiceConfiguration", "Reads the settings.", StatusCodes.Status200OK, [RestPaths.InService]),
            FetchAsync);
        routes.Post(
            Path,
            new RestOperation(
                "UpdateServiceConfiguration",
                "Changes the settings that are named, and leaves the others as they are.",
                StatusCodes.Status200OK,
                [
                    RestPaths.InService,
                    RestParameter.Form(ReachabilityEnabled, RestType.Flag, "Whether reachability is recorded and told."),
                    .. Roles.Select(role => RestParameter.Form(role.Parameter, RestType.Text, "RL and 32 hexadecimal digits, or empty for none.")),
                ]),
            UpdateAsync);
    }

    private static async Task<ConfigurationResource> FetchAsync(RestCall call)
    {
        var read = await call.CallAsync<V1.GetConfigurationRequest, V1.GetConfigurationResponse>(
            new V1.GetConfigurationRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return ConfigurationResource.Of(read.Configuration, call);
    }

    private static async Task<ConfigurationResource> UpdateAsync(RestCall call)
    {
        var request = new V1.UpdateConfigurationRequest
        {
            Configuration = new V1.Configuration { ServiceSid = call.Path(RestPaths.ServiceSid) },
            UpdateMask = new FieldMask(),
        };
        if (call.Flag(ReachabilityEnabled) is { } isEnabled)
        {
            request.Configuration.ReachabilityEnabled = isEnabled;
            request.UpdateMask.Paths.Add("reachability_enabled");
        }
        foreach (var (parameter, field, set) in Roles)
        {
            if (call.Text(parameter) is not { } sid)
                continue;
            set(request.Configuration, sid);
            request.UpdateMask.Paths.Add(field);
        }
        if (request.UpdateMask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateConfigurationRequest, V1.UpdateConfigurationResponse>(request, given => given.ToChange(out _));
        return ConfigurationResource.Of(updated.Configuration, call);
    }
}
