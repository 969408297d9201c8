namespace GrpcPresence.Server.Settings;

/// <summary>The origins whose pages may call the server from a browser. Two values are equal if their texts are equal.</summary>
internal sealed record AllowedOrigins
{
    private const string Any = "*";

    private readonly string _text;

    private AllowedOrigins(string text) => _text = text;

    /// <summary>Whether pages of every origin may call.</summary>
    public bool AreAny => _text == Any;

    /// <summary>The origins, each <c>scheme://host[:port]</c>.</summary>
    public IReadOnlyList<string> Names => AreAny ? [] : Split(_text);

    /// <summary>Whether pages of the origin may call. The origin has the form that browsers send.</summary>
    public bool Include(string origin) => AreAny || Names.Contains(origin, StringComparer.OrdinalIgnoreCase);

    /// <summary>Parses comma-separated origins, or <c>*</c>. Returns null if one of them is not an origin.</summary>
    public static AllowedOrigins? Read(string text) => text == Any || Split(text).All(IsOrigin) ? new AllowedOrigins(text) : null;

    /// <inheritdoc/>
    public override string ToString() => _text;

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.TrimEntries);

    // An origin with a path, a user or a trailing slash would never equal what a browser sends (RFC 6454, section 7).
    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
        && url.Host.Length > 0
        && text.Equals($"{url.Scheme}://{url.Authority}", StringComparison.OrdinalIgnoreCase);
}
