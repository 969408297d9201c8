using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The configuration of a service instance.</summary>
internal sealed record ConfigurationResource
{
    /// <summary>The SID of the service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Stored for clients; has no effect.</summary>
    public string? DefaultConversationCreatorRoleSid { get; init; }

    /// <summary>Stored for clients; has no effect.</summary>
    public string? DefaultConversationRoleSid { get; init; }

    /// <summary>The SID of the role of users that are created without one.</summary>
    public string? DefaultChatServiceRoleSid { get; init; }

    /// <summary>Whether the server tracks and reports reachability.</summary>
    public required bool ReachabilityEnabled { get; init; }

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>The URLs of related resources.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>Converts a message to a resource.</summary>
    public static ConfigurationResource Of(V1.Configuration configuration, RestRequest call)
    {
        var url = call.UrlOfService(configuration.ServiceSid, "/Configuration");
        return new ConfigurationResource
        {
            ChatServiceSid = configuration.ServiceSid,
            DefaultConversationCreatorRoleSid = ResourceText.OrNull(configuration.DefaultConversationCreatorRoleSid),
            DefaultConversationRoleSid = ResourceText.OrNull(configuration.DefaultConversationRoleSid),
            DefaultChatServiceRoleSid = ResourceText.OrNull(configuration.DefaultServiceRoleSid),
            ReachabilityEnabled = configuration.ReachabilityEnabled,
            Url = url,
            Links = new Dictionary<string, string> { ["notifications"] = url + "/Notifications", ["webhooks"] = url + "/Webhooks" },
        };
    }
}
