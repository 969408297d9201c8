using GrpcPresence.Server.Rest.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Reads segments of the path as the client wrote them. An identity may contain a slash, and the server's decoded path does not distinguish
/// an encoded slash from the text of its encoding. A client of a proxy sends the whole URL (RFC 9112, section 3.2.2). Scheme and host are
/// then segments before those of the path.
/// </summary>
internal static class RawPath
{
    private static readonly char[] Slash = ['/'];
    private static readonly char[] Slashes = ['/', '\\'];

    /// <summary>Returns the value of a route parameter, decoded once.</summary>
    /// <exception cref="RestException">The value is not UTF-8. The server leaves the encoding of such bytes in its path.</exception>
    public static string Find(HttpContext http, string name)
    {
        var decoded = (string)http.Request.RouteValues[name]!;
        if (!decoded.Contains('%', StringComparison.Ordinal))
            return decoded;
        var pattern = ((RouteEndpoint)http.GetEndpoint()!).RoutePattern.PathSegments.ToList();
        var index = pattern.FindIndex(segment => segment.Parts is [RoutePatternParameterPart part] && part.Name == name);
        return Find(http, fromEnd: pattern.Count - index);
    }

    /// <summary>Returns the last segment, decoded once.</summary>
    /// <exception cref="RestException">The segment is not UTF-8.</exception>
    public static string FindLast(HttpContext http) => Find(http, fromEnd: 1);

    /// <summary>
    /// Whether a segment is "." or "..", which the server removes from the path that it parses. This check runs before authentication. It
    /// therefore creates no strings for the thousands of segments that a path may have.
    /// </summary>
    public static bool HasDotSegments(HttpContext http)
    {
        var path = PathOf(http, out var slashes);
        foreach (var part in path.SplitAny(slashes))
        {
            if (IsDots(path[part]))
                return true;
        }
        return false;
    }

    private static string Find(HttpContext http, int fromEnd)
    {
        var path = PathOf(http, out var slashes);
        return EncodedText.DecodeSegment(path.ToString().Split(slashes)[^fromEnd]);
    }

    private static ReadOnlySpan<char> PathOf(HttpContext http, out char[] slashes)
    {
        var target = (http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "").AsSpan();
        // In a whole URL, the server treats a backslash as a slash and resolves the dots behind it.
        (slashes, var ends) = target is ['/', ..] ? (Slash, "?") : (Slashes, "?#");
        var end = target.IndexOfAny(ends);
        return (end < 0 ? target : target[..end]).TrimEnd('/');
    }

    private static bool IsDots(ReadOnlySpan<char> part)
    {
        var dots = 0;
        for (; part.Length > 0; dots++)
        {
            var length = part[0] == '.' ? 1 : part.StartsWith("%2e", StringComparison.OrdinalIgnoreCase) ? 3 : 0;
            if (length == 0)
                return false;
            part = part[length..];
        }
        return dots is 1 or 2;
    }
}
