using System.Text;

namespace GrpcPresence.Server.Settings;

/// <summary>
/// The origins whose pages may call the server from a browser. They are compared in the form that browsers send: in lower case, with the
/// host's name in ASCII (RFC 6454, section 6.2). Two values are equal if their texts are equal.
/// </summary>
internal sealed record AllowedOrigins
{
    private const string Any = "*";

    private readonly string _text;

    private AllowedOrigins(string text, IReadOnlyList<string> names) => (_text, Names) = (text, names);

    /// <summary>Whether pages of every origin may call.</summary>
    public bool AreAny => _text == Any;

    /// <summary>The origins, each <c>scheme://host[:port]</c> as browsers send it.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether pages of the origin may call. Browsers send it in ASCII, and only ASCII can be copied into a response.</summary>
    public bool Include(string origin) =>
        AreAny || (Ascii.IsValid(origin) && Names.Contains(origin.ToLowerInvariant(), StringComparer.Ordinal));

    /// <summary>Parses comma-separated origins, or <c>*</c>. Returns null if one of them is not an origin.</summary>
    public static AllowedOrigins? Read(string text)
    {
        if (text == Any)
            return new AllowedOrigins(text, []);
        var names = text.Split(',', StringSplitOptions.TrimEntries).Select(Canonical).ToArray();
        return names.Contains(null) ? null : new AllowedOrigins(text, names!);
    }

    /// <inheritdoc/>
    public bool Equals(AllowedOrigins? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => _text;

    // An origin with a path, a user or a trailing slash would never equal what a browser sends (RFC 6454, section 7).
    private static string? Canonical(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url)
            || (url.Scheme != Uri.UriSchemeHttps && url.Scheme != Uri.UriSchemeHttp)
            || url.Host.Length == 0
            || !text.Equals($"{url.Scheme}://{url.Authority}", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        var host = url.HostNameType == UriHostNameType.IPv6 ? url.Host : url.IdnHost;
        return (url.IsDefaultPort ? $"{url.Scheme}://{host}" : $"{url.Scheme}://{host}:{url.Port}").ToLowerInvariant();
    }
}
