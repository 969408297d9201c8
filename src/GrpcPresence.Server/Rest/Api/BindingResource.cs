using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>A push binding.</summary>
internal sealed record BindingResource
{
    /// <summary>The SID.</summary>
    public required string Sid { get; init; }

    /// <summary>The account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Credentials of a push service: there are none here.</summary>
    public string? CredentialSid { get; }

    /// <summary>When it was made.</summary>
    public string? DateCreated { get; init; }

    /// <summary>When it was made: one that changes is another one.</summary>
    public string? DateUpdated => DateCreated;

    /// <summary>The address at the push service.</summary>
    public required string Endpoint { get; init; }

    /// <summary>The user.</summary>
    public required string Identity { get; init; }

    /// <summary>The push service.</summary>
    public required string BindingType { get; init; }

    /// <summary>Kinds of messages that are pushed: there are none here.</summary>
    public IReadOnlyList<string> MessageTypes { get; } = [];

    /// <summary>Where it is.</summary>
    public required string Url { get; init; }

    /// <summary>The resource of a message.</summary>
    public static BindingResource Of(V1.PushBinding binding, RestRequest call) => new()
    {
        Sid = binding.Sid,
        AccountSid = call.AccountSid,
        ChatServiceSid = binding.ServiceSid,
        DateCreated = ResourceDate.Of(binding.CreateTime),
        Endpoint = binding.Endpoint,
        Identity = binding.Identity,
        BindingType = BindingTypeNames.Of(binding.BindingType),
        Url = call.UrlOfService(binding.ServiceSid, $"/Bindings/{binding.Sid}"),
    };
}
