using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>A push binding.</summary>
internal sealed record BindingResource
{
    /// <summary>The SID.</summary>
    public required string Sid { get; init; }

    /// <summary>The SID of the account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The SID of the service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>The SID of push service credentials; always null, because GrpcPresence does not send push notifications.</summary>
    public string? CredentialSid { get; }

    /// <summary>When the push binding was created.</summary>
    public string? DateCreated { get; init; }

    /// <summary>When the push binding was created. A change replaces the binding.</summary>
    public string? DateUpdated => DateCreated;

    /// <summary>The address at the push service.</summary>
    public required string Endpoint { get; init; }

    /// <summary>The identity of the user.</summary>
    public required string Identity { get; init; }

    /// <summary>The push service.</summary>
    public required string BindingType { get; init; }

    /// <summary>The message types that are pushed; always empty, because GrpcPresence has no messages.</summary>
    public IReadOnlyList<string> MessageTypes { get; } = [];

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>Converts a message to a resource.</summary>
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
