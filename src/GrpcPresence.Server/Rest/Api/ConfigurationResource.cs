using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The settings of a service instance.</summary>
internal sealed record ConfigurationResource
{
    /// <summary>The service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Kept for clients.</summary>
    public string? DefaultConversationCreatorRoleSid { get; init; }

    /// <summary>Kept for clients.</summary>
    public string? DefaultConversationRoleSid { get; init; }

    /// <summary>The role of users that are created without one.</summary>
    public string? DefaultChatServiceRoleSid { get; init; }

    /// <summary>Whether reachability is recorded and told.</summary>
    public required bool ReachabilityEnabled { get; init; }

    /// <summary>Where it is.</summary>
    public required string Url { get; init; }

    /// <summary>What it has.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>The resource of a message.</summary>
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
