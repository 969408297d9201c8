namespace GrpcPresence.Core.Domain.Services;

/// <summary>Where the events of a service instance are told, and which. Immutable; two with the same values are equal.</summary>
public sealed record WebhookSettings
{
    /// <summary>What is asked before a change, an absolute http or https URL; empty for nobody.</summary>
    public string PreUrl { get; init; } = "";

    /// <summary>What is told after a change, an absolute http or https URL; empty for nobody.</summary>
    public string PostUrl { get; init; } = "";

    /// <summary>The events that fire, in the order in which they were given, each once; what is not among them does not fire.</summary>
    public IReadOnlyList<string> Filters
    {
        get;
        init => field = [.. value.Distinct(StringComparer.Ordinal)];
    } = [];

    /// <summary>How both are called.</summary>
    public WebhookMethod Method { get; init; } = WebhookMethod.Post;

    /// <inheritdoc/>
    public bool Equals(WebhookSettings? other) =>
        other is not null
        && PreUrl == other.PreUrl
        && PostUrl == other.PostUrl
        && Method == other.Method
        && Filters.SequenceEqual(other.Filters, StringComparer.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PreUrl, PostUrl, Method, Filters.Count);
}
