using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts requests to commands on service instances and their settings.</summary>
internal static class ConfigurationRequests
{
    private static readonly ServiceConfiguration Defaults = new();

    /// <summary>Converts the request to a command.</summary>
    public static CreateServiceInstance ToChange(this V1.CreateServiceInstanceRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.OptionalService(request.ServiceSid);
        var friendlyName = reader.FriendlyName(request.FriendlyName);
        reader.ThrowIfInvalid();
        return new CreateServiceInstance(sid, friendlyName);
    }

    /// <summary>Converts the request to a command.</summary>
    public static UpdateServiceInstance ToChange(this V1.UpdateServiceInstanceRequest request)
    {
        var reader = new RequestReader();
        UpdateMasks.ServiceInstance.Read(request.UpdateMask, reader);
        var change = reader.Has(request.ServiceInstance, "service_instance")
            ? new UpdateServiceInstance(
                reader.Service(request.ServiceInstance.Sid, "service_instance.sid"),
                reader.FriendlyName(request.ServiceInstance.FriendlyName, "service_instance.friendly_name"))
            : null;
        reader.ThrowIfInvalid();
        return change!;
    }

    /// <summary>Converts the request to a command.</summary>
    public static DeleteServiceInstance ToChange(this V1.DeleteServiceInstanceRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.Service(request.ServiceSid);
        reader.ThrowIfInvalid();
        return new DeleteServiceInstance(sid);
    }

    /// <summary>Converts the request to a command.</summary>
    public static UpdateConfiguration ToChange(this V1.UpdateConfigurationRequest request, out ServiceSid sid)
    {
        var reader = new RequestReader();
        var paths = UpdateMasks.Configuration.Read(request.UpdateMask, reader);
        sid = default;
        UpdateConfiguration? change = null;
        if (reader.Has(request.Configuration, "configuration"))
        {
            sid = reader.Service(request.Configuration.ServiceSid, "configuration.service_sid");
            change = new UpdateConfiguration(sid, request.Configuration.Etag, ReadEdit(request.Configuration, paths, reader));
        }
        reader.ThrowIfInvalid();
        return change!;
    }

    /// <summary>
    /// Returns a function that changes the settings. The writer applies it to the current settings, and checks that they are consistent.
    /// </summary>
    private static Func<ServiceConfiguration, ServiceConfiguration> ReadEdit(
        V1.Configuration given, IReadOnlySet<string> paths, RequestReader reader)
    {
        var edits = new List<Func<ServiceConfiguration, ServiceConfiguration>>();
        foreach (var path in paths)
            edits.Add(ReadEdit(path, given, reader));
        return configuration => edits.Aggregate(configuration, (edited, edit) => edit(edited));
    }

    private static Func<ServiceConfiguration, ServiceConfiguration> ReadEdit(string path, V1.Configuration given, RequestReader reader)
    {
        var field = "configuration." + path;
        switch (path)
        {
            case "reachability_enabled":
                return configuration => configuration with { ReachabilityEnabled = given.ReachabilityEnabled };
            case "auto_create_users":
                return configuration => configuration with { AutoCreateUsers = given.AutoCreateUsers };
            case "heartbeat_interval":
                var interval = reader.Duration(
                    given.HeartbeatInterval, field, Defaults.HeartbeatInterval, Limits.MinHeartbeatInterval, Limits.MaxSessionTimeout / 2);
                return configuration => configuration with { HeartbeatInterval = interval };
            case "session_timeout":
                var timeout = reader.Duration(
                    given.SessionTimeout, field, Defaults.SessionTimeout, Limits.MinHeartbeatInterval * 2, Limits.MaxSessionTimeout);
                return configuration => configuration with { SessionTimeout = timeout };
            case "offline_debounce":
                var debounce = reader.Duration(
                    given.OfflineDebounce, field, Defaults.OfflineDebounce, TimeSpan.Zero, Limits.MaxOfflineDebounce);
                return configuration => configuration with { OfflineDebounce = debounce };
            case "default_service_role_sid":
                var serviceRole = reader.Role(given.DefaultServiceRoleSid, field);
                return configuration => configuration with { DefaultServiceRoleSid = serviceRole };
            case "default_conversation_role_sid":
                var role = reader.Role(given.DefaultConversationRoleSid, field);
                return configuration => configuration with { DefaultConversationRoleSid = role };
            case "default_conversation_creator_role_sid":
                var creatorRole = reader.Role(given.DefaultConversationCreatorRoleSid, field);
                return configuration => configuration with { DefaultConversationCreatorRoleSid = creatorRole };
            default:
                return configuration => configuration; // reading the mask has already reported the path
        }
    }
}
