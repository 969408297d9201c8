using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace GrpcPresence.Server.Rest.Calls;

/// <summary>
/// Parts of the path as the client wrote them. An identity may hold a slash, and what the server makes of a path tells an encoded slash no more from the text
/// of its encoding. A client of a proxy names the whole URL (RFC 9112, section 3.2.2): then scheme and host are parts before those of the path.
/// </summary>
internal static class RawPath
{
    /// <summary>The value of a parameter of the route, decoded once.</summary>
    public static string Find(HttpContext http, string name)
    {
        var decoded = (string)http.Request.RouteValues[name]!;
        if (!decoded.Contains('%', StringComparison.Ordinal))
            return decoded;
        var pattern = ((RouteEndpoint)http.GetEndpoint()!).RoutePattern.PathSegments.ToList();
        var fromEnd = pattern.Count - pattern.FindIndex(segment => segment.Parts is [RoutePatternParameterPart part] && part.Name == name);
        return Uri.UnescapeDataString(Segments(http)[^fromEnd]);
    }

    /// <summary>Whether a part is "." or "..", of which a path that the server has read has nothing left.</summary>
    public static bool HasDotSegments(HttpContext http) => Segments(http).Any(segment => Uri.UnescapeDataString(segment) is "." or "..");

    private static string[] Segments(HttpContext http)
    {
        var target = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        // Of a whole URL the server takes a backslash for a slash, and follows the dots behind it.
        var (ends, slashes) = target.StartsWith('/') ? ("?", "/") : ("?#", @"/\");
        var end = target.AsSpan().IndexOfAny(ends);
        return (end < 0 ? target : target[..end]).TrimEnd('/').Split(slashes.ToCharArray());
    }
}
