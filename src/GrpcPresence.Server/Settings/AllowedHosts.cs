using System.Globalization;

namespace GrpcPresence.Server.Settings;

/// <summary>
/// Names by which clients may call a server that needs no credentials, in addition to loopback names. Compared without the port, in lower
/// case and in ASCII, as clients send them. Two values are equal if their texts are equal.
/// </summary>
internal sealed record AllowedHosts
{
    private const string Any = "*";

    private readonly string _text;
    private readonly IReadOnlyList<string> _names;

    private AllowedHosts(string text, IReadOnlyList<string> names) => (_text, _names) = (text, names);

    /// <summary>Whether clients may use the name, which has no port and no brackets.</summary>
    public bool Include(ReadOnlySpan<char> name)
    {
        if (_text == Any)
            return true;
        foreach (var allowed in _names)
        {
            if (name.Equals(allowed, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    /// <summary>Parses comma-separated names and addresses, or <c>*</c>. Returns null if one of them is neither.</summary>
    public static AllowedHosts? Read(string text)
    {
        if (text == Any)
            return new AllowedHosts(text, []);
        var names = text.Split(',', StringSplitOptions.TrimEntries).Select(Canonical).ToArray();
        return names.Contains(null) ? null : new AllowedHosts(text, names!);
    }

    /// <inheritdoc/>
    public bool Equals(AllowedHosts? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => _text;

    private static string? Canonical(string text)
    {
        var name = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
        if (Uri.CheckHostName(name) is UriHostNameType.Unknown or UriHostNameType.Basic)
            return null;
        try
        {
            return name.Contains(':', StringComparison.Ordinal)
                ? name.ToLowerInvariant()
                : new IdnMapping().GetAscii(name).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
