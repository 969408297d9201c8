using Microsoft.AspNetCore.Http.Features;

namespace GrpcPresence.Server.Rest.Calls;

/// <summary>
/// Parts of the path as the client wrote them. An identity may hold a slash, and what the server makes of a path tells an encoded slash no more from the text
/// of its encoding.
/// </summary>
internal static class RawPath
{
    /// <summary>The value of a parameter of the route, decoded once.</summary>
    public static string Find(HttpContext http, string name)
    {
        var decoded = (string)http.Request.RouteValues[name]!;
        if (!decoded.Contains('%', StringComparison.Ordinal))
            return decoded;
        var pattern = ((RouteEndpoint)http.GetEndpoint()!).RoutePattern;
        var index = pattern.PathSegments.ToList().FindIndex(segment => segment.Parts is [Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart part] && part.Name == name);
        var segments = Segments(http);
        return segments.Length == pattern.PathSegments.Count ? Uri.UnescapeDataString(segments[index]) : decoded;
    }

    /// <summary>Whether a part is "." or "..", of which a path that the server has read has nothing left.</summary>
    public static bool HasDotSegments(HttpContext http) => Segments(http).Any(segment => Uri.UnescapeDataString(segment) is "." or "..");

    private static string[] Segments(HttpContext http)
    {
        var target = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        // A client of a proxy names the whole URL (RFC 9112, section 3.2.2).
        if (!target.StartsWith('/') && Uri.TryCreate(target, UriKind.Absolute, out var url))
            target = url.AbsolutePath;
        var end = target.IndexOf('?', StringComparison.Ordinal);
        return (end < 0 ? target : target[..end]).Trim('/').Split('/');
    }
}
