namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>The part of a request that contains a parameter.</summary>
internal enum RestParameterLocation
{
    /// <summary>In the path, percent-encoded.</summary>
    Path,

    /// <summary>In the query.</summary>
    Query,

    /// <summary>In the body, as a form.</summary>
    Form,

    /// <summary>In a header.</summary>
    Header,
}
