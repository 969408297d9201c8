using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The URL of a webhook: absolute, http or https, well-formed by RFC 3986. Path and query are kept as they are written, because a back end
/// verifies the signature over what it receives. Characters beyond ASCII are escaped, and a host name is written as the request sends it.
/// </summary>
public sealed partial class WebhookUrl
{
    private const string Malformed = "must be an absolute http or https URL, well-formed by RFC 3986";

    private static readonly SearchValues<char> NoHost =
        SearchValues.Create([.. "/?#[]@:\\%", .. Enumerable.Range(0, '!').Select(control => (char)control), '\x7F']);

    private WebhookUrl(string origin, string path, string query, byte[]? credentials, ConnectionOverrides overrides)
    {
        (Endpoint, Query, Credentials, Overrides) = (origin + path, query, credentials, overrides);
        Text = query.Length > 0 ? $"{Endpoint}?{query}" : Endpoint;
    }

    /// <summary>The URL to request and to sign: without credentials and fragment.</summary>
    public string Text { get; }

    /// <summary>The URL without its query, which may contain a secret; for logs.</summary>
    public string Endpoint { get; }

    /// <summary>The query without the question mark; may be empty.</summary>
    public string Query { get; }

    /// <summary>The user and password of Basic authentication: <c>user:password</c>, unescaped; null for none.</summary>
    public byte[]? Credentials { get; }

    /// <summary>What the fragment changes about connections.</summary>
    public ConnectionOverrides Overrides { get; }

    /// <summary>Returns a URI of the text, or of another one that begins with it, that keeps path and query as they are.</summary>
    public static Uri ToUri(string text) => new(text, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    /// <summary>Whether the text can be the URL of a webhook.</summary>
    public static bool IsValid(string text) => TryParse(text, out _, out _);

    /// <summary>Parses a URL.</summary>
    /// <param name="text">The text.</param>
    /// <param name="url">The URL; null if it is invalid.</param>
    /// <param name="problem">What is wrong with it, after the words "the URL", without its credentials; null if it is valid.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out WebhookUrl? url, [NotNullWhen(false)] out string? problem)
    {
        (url, problem) = (null, Malformed);
        if (Encoding.UTF8.GetByteCount(text) > Limits.WebhookUrlBytes || Form.Match(text) is not { Success: true } match)
            return false;
        var scheme = match.Groups["scheme"].Value.ToLowerInvariant();
        var query = PercentEncoding.EscapeNonAscii(match.Groups["query"].Value);
        // Uri does not read escapes in a host name, and an escape must not stand for a delimiter.
        var host = match.Groups["host"].Value;
        if (host.Contains('%', StringComparison.Ordinal) && (host = Uri.UnescapeDataString(host)).AsSpan().ContainsAny(NoHost))
            return false;
        if (!Uri.TryCreate($"{scheme}://{host}:{match.Groups["port"].Value}", UriKind.Absolute, out var origin)
            || origin.HostNameType == UriHostNameType.Unknown)
        {
            return false;
        }
        if (WebhookParameters.FindReserved(query) is { } reserved)
        {
            problem = $"must not have the query parameter '{reserved}', which the server sends itself";
            return false;
        }
        var overrides = ConnectionOverrides.Parse(match.Groups["fragment"].Value, out problem);
        if (problem is not null)
            return false;
        var name = origin.HostNameType == UriHostNameType.Dns ? origin.IdnHost : origin.Host;
        var path = PercentEncoding.EscapeNonAscii(match.Groups["path"].Value);
        url = new WebhookUrl(
            $"{scheme}://{name}{(origin.IsDefaultPort ? "" : $":{origin.Port}")}",
            path.Length > 0 ? path : "/",
            query,
            CredentialsOf(match.Groups["userinfo"]),
            overrides);
        return true;
    }

    private static byte[]? CredentialsOf(Group given)
    {
        if (!given.Success)
            return null;
        var credentials = PercentEncoding.Decode(given.Value);
        return given.Value.Contains(':', StringComparison.Ordinal) ? credentials : [.. credentials, (byte)':'];
    }

    // RFC 3986, plus the characters beyond ASCII that RFC 3987 allows. The host is checked once more by Uri.
    [GeneratedRegex(
        """
        \A (?<scheme> (?i: https? ) ) ://
        ( (?<userinfo> ( [A-Za-z0-9\-._~!$&'()*+,;=:\u0080-\uFFFF] | %[0-9A-Fa-f]{2} )* ) @ )?
        (?<host> \[ [0-9A-Fa-f:.]+ \] | ( [A-Za-z0-9\-._~!$&'()*+,;=\u0080-\uFFFF] | %[0-9A-Fa-f]{2} )+ )
        ( : (?<port> [0-9]* ) )?
        (?<path> ( / ( [A-Za-z0-9\-._~!$&'()*+,;=:@/\u0080-\uFFFF] | %[0-9A-Fa-f]{2} )* )? )
        ( \? (?<query> ( [A-Za-z0-9\-._~!$&'()*+,;=:@/?\u0080-\uFFFF] | %[0-9A-Fa-f]{2} )* ) )?
        ( \# (?<fragment> ( [A-Za-z0-9\-._~!$&'()*+,;=:@/?\u0080-\uFFFF] | %[0-9A-Fa-f]{2} )* ) )? \z
        """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Form { get; }
}
