namespace GrpcPresence.Server.Rest.Api;

/// <summary>The position of a page in its list. Client libraries follow the URLs unchanged.</summary>
internal sealed record PageMeta
{
    /// <summary>The number of the page, from 0.</summary>
    public required int Page { get; init; }

    /// <summary>The maximum number of entries per page.</summary>
    public required int PageSize { get; init; }

    /// <summary>The URL of the first page.</summary>
    public required string FirstPageUrl { get; init; }

    /// <summary>The URL of the previous page; null before the first page.</summary>
    public required string? PreviousPageUrl { get; init; }

    /// <summary>The URL of this page.</summary>
    public required string Url { get; init; }

    /// <summary>The URL of the next page; null after the last page.</summary>
    public required string? NextPageUrl { get; init; }

    /// <summary>The name of the body's field that contains the entries.</summary>
    public required string Key { get; init; }
}
