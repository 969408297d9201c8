namespace GrpcPresence.Server.Rest.OpenApi;

/// <summary>Where a parameter stands in a request.</summary>
internal enum RestParameterLocation
{
    /// <summary>In the path, percent-encoded.</summary>
    Path,

    /// <summary>In the query.</summary>
    Query,

    /// <summary>In the body, which is a form.</summary>
    Form,

    /// <summary>Among the headers.</summary>
    Header,
}
