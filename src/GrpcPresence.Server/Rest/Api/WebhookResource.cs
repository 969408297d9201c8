using GrpcPresence.Server.Rest.Http;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The webhook settings.</summary>
internal sealed record WebhookResource
{
    /// <summary>The SID of the account.</summary>
    public required string AccountSid { get; init; }

    /// <summary>The SID of the service instance.</summary>
    public required string ChatServiceSid { get; init; }

    /// <summary>The URL that is called before a profile edit; null for none.</summary>
    public string? PreWebhookUrl { get; init; }

    /// <summary>The URL that is notified after an event; null for none.</summary>
    public string? PostWebhookUrl { get; init; }

    /// <summary>The events that cause webhooks; null if none is selected.</summary>
    public IReadOnlyList<string>? Filters { get; init; }

    /// <summary>The HTTP method: POST or GET.</summary>
    public required string Method { get; init; }

    /// <summary>Whether an edit is rejected that the URL before it did not answer.</summary>
    public required bool PreWebhookFailClosed { get; init; }

    /// <summary>The URL of the resource.</summary>
    public required string Url { get; init; }

    /// <summary>Converts a message to a resource.</summary>
    public static WebhookResource Of(V1.WebhookConfiguration webhook, RestRequest call) => new()
    {
        AccountSid = call.AccountSid,
        ChatServiceSid = webhook.ServiceSid,
        PreWebhookUrl = ResourceText.OrNull(webhook.PreWebhookUrl),
        PostWebhookUrl = ResourceText.OrNull(webhook.PostWebhookUrl),
        Filters = webhook.Filters.Count == 0 ? null : [.. webhook.Filters],
        Method = webhook.Method == V1.WebhookMethod.Get ? HttpMethods.Get : HttpMethods.Post,
        PreWebhookFailClosed = webhook.PreWebhookFailClosed,
        Url = call.UrlOfService(webhook.ServiceSid, "/Configuration/Webhooks"),
    };
}
