using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>A service instance.</summary>
internal sealed record ServiceResource
{
    /// <summary>The SID of the account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The SID.</summary>
    public required string Sid { get; init; }

    /// <summary>The display name.</summary>
    public required string FriendlyName { get; init; }

    /// <summary>When it was created.</summary>
    public string? DateCreated { get; init; }

    /// <summary>When its name last changed.</summary>
    public string? DateUpdated { get; init; }

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>The URLs of related resources that GrpcPresence supports.</summary>
    public required IReadOnlyDictionary<string, string> Links { get; init; }

    /// <summary>Converts a message to a resource.</summary>
    public static ServiceResource Of(V1.ServiceInstance service, RestRequest call)
    {
        var url = call.UrlOfService(service.Sid);
        return new ServiceResource
        {
            AccountSid = call.AccountSid,
            Sid = service.Sid,
            FriendlyName = service.FriendlyName,
            DateCreated = ResourceDate.Of(service.CreateTime),
            DateUpdated = ResourceDate.Of(service.UpdateTime),
            Url = url,
            Links = new Dictionary<string, string>
            {
                ["users"] = url + "/Users",
                ["bindings"] = url + "/Bindings",
                ["configuration"] = url + "/Configuration",
            },
        };
    }
}
