namespace GrpcPresence.Core.Domain.Services;

/// <summary>The webhook URLs of a service instance and the events that fire. Immutable; two with the same values are equal.</summary>
public sealed record WebhookSettings
{
    /// <summary>The webhook that runs before a change, an absolute http or https URL; empty for none.</summary>
    public string PreUrl { get; init; } = "";

    /// <summary>The webhook that runs after a change, an absolute http or https URL; empty for none.</summary>
    public string PostUrl { get; init; } = "";

    /// <summary>The events that fire, in the given order, each once. Other events do not fire.</summary>
    public IReadOnlyList<string> Filters
    {
        get;
        init => field = [.. value.Distinct(StringComparer.Ordinal)];
    } = [];

    /// <summary>The HTTP method of both.</summary>
    public WebhookMethod Method { get; init; } = WebhookMethod.Post;

    /// <summary>Whether an edit is rejected when the webhook before it gives no answer. Otherwise the edit proceeds.</summary>
    public bool PreFailsClosed { get; init; }

    /// <inheritdoc/>
    public bool Equals(WebhookSettings? other) =>
        other is not null
        && PreUrl == other.PreUrl
        && PostUrl == other.PostUrl
        && Method == other.Method
        && PreFailsClosed == other.PreFailsClosed
        && Filters.SequenceEqual(other.Filters, StringComparer.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PreUrl, PostUrl, Method, Filters.Count, PreFailsClosed);
}
