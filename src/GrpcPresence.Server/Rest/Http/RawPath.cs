using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// Parts of the path as the client wrote them. An identity may hold a slash, and what the server makes of a path tells an encoded slash no
/// more from the text
/// of its encoding. A client of a proxy names the whole URL (RFC 9112, section 3.2.2): then scheme and host are parts before those of the
/// path.
/// </summary>
internal static class RawPath
{
    private static readonly char[] Slash = ['/'];
    private static readonly char[] Slashes = ['/', '\\'];

    /// <summary>The value of a parameter of the route, decoded once.</summary>
    public static string Find(HttpContext http, string name)
    {
        var decoded = (string)http.Request.RouteValues[name]!;
        if (!decoded.Contains('%', StringComparison.Ordinal))
            return decoded;
        var pattern = ((RouteEndpoint)http.GetEndpoint()!).RoutePattern.PathSegments.ToList();
        var fromEnd = pattern.Count - pattern.FindIndex(segment => segment.Parts is [RoutePatternParameterPart part] && part.Name == name);
        var path = PathOf(http, out var slashes);
        return Uri.UnescapeDataString(path.ToString().Split(slashes)[^fromEnd]);
    }

    /// <summary>
    /// Whether a part is "." or "..", of which a path that the server has read has nothing left. Asked before anybody is asked who calls,
    /// and so without
    /// making a text of each of the thousands of parts that a path may have.
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

    private static ReadOnlySpan<char> PathOf(HttpContext http, out char[] slashes)
    {
        var target = (http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "").AsSpan();
        // Of a whole URL the server takes a backslash for a slash, and follows the dots behind it.
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
