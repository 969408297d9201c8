using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>Who is told of users.</summary>
internal sealed record WebhookResource
{
    /// <summary>The account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>Who is asked before a profile is edited; null for nobody.</summary>
    public string? PreWebhookUrl { get; init; }

    /// <summary>Who is told of what has happened; null for nobody.</summary>
    public string? PostWebhookUrl { get; init; }

    /// <summary>The events that are told; null where none is named.</summary>
    public IReadOnlyList<string>? Filters { get; init; }

    /// <summary>POST or GET.</summary>
    public required string Method { get; init; }

    /// <summary>Where it is.</summary>
    public required string Url { get; init; }

    /// <summary>The resource of a message.</summary>
    public static WebhookResource Of(V1.WebhookConfiguration webhook, RestRequest call) => new()
    {
        AccountSid = call.AccountSid,
        ChatServiceSid = webhook.ServiceSid,
        PreWebhookUrl = ResourceText.OrNull(webhook.PreWebhookUrl),
        PostWebhookUrl = ResourceText.OrNull(webhook.PostWebhookUrl),
        Filters = webhook.Filters.Count == 0 ? null : [.. webhook.Filters],
        Method = webhook.Method == V1.WebhookMethod.Get ? HttpMethods.Get : HttpMethods.Post,
        Url = call.UrlOfService(webhook.ServiceSid, "/Configuration/Webhooks"),
    };
}
