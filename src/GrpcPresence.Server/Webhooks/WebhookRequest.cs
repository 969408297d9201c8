using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>One webhook to send.</summary>
/// <param name="Url">The URL, as it is configured.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Form">The parameters.</param>
internal sealed record WebhookRequest(string Url, WebhookMethod Method, IReadOnlyList<KeyValuePair<string, string>> Form)
{
    /// <summary>What is charged for lookups and connections.</summary>
    public WebhookUse Use { get; init; }

    /// <summary>The secret that signs the request; null to send it unsigned.</summary>
    public string? Secret { get; init; }

    /// <summary>
    /// Whether a failed connection is tried again until the time limit, unless the URL says how often. Otherwise it is tried again as often
    /// as the URL says, because the delivery loop tries again later.
    /// </summary>
    public bool RetriesConnection { get; init; }
}
