namespace GrpcPresence.Server.Rest.Api;

/// <summary>Where a page stands in its list. Libraries follow the URLs as they are.</summary>
internal sealed record PageMeta
{
    /// <summary>The number of the page, from 0.</summary>
    public required int Page { get; init; }

    /// <summary>Entries of a page at the most.</summary>
    public required int PageSize { get; init; }

    /// <summary>The first page.</summary>
    public required string FirstPageUrl { get; init; }

    /// <summary>Null always: lists are read forwards.</summary>
    public string? PreviousPageUrl { get; }

    /// <summary>This page.</summary>
    public required string Url { get; init; }

    /// <summary>The next page; null after the last.</summary>
    public required string? NextPageUrl { get; init; }

    /// <summary>The name under which the body has the entries.</summary>
    public required string Key { get; init; }
}
