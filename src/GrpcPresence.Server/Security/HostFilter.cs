using System.Net;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security;

/// <summary>
/// Decides by which names clients may call while they need no credentials. A web page can have a name of its own that resolves to the
/// address of this machine (DNS rebinding). The browser then takes the server for the page's own, and the page could read everything. The
/// name in its requests is the page's.
/// </summary>
/// <remarks>
/// Accepts localhost, names below it, 127.0.0.0/8 in the usual form and ::1, each with or without a port. Other forms of the same
/// addresses are not accepted: browsers never send them. A server that listens to a network is called by names that it does not know, so
/// there only <see cref="ServerSettings.AllowedHosts"/> limits them. Safe from any thread.
/// </remarks>
internal sealed class HostFilter(Authenticator authenticator, ServerSettings settings)
{
    private const string Localhost = "localhost";
    private const string BelowLocalhost = ".localhost";
    private const int MaxPortDigits = 5;

    private readonly bool _isActive = !settings.ListensToNetwork || settings.AllowedHosts is not null;
    private string? _accepted; // the host that was accepted last: nearly all requests have the same

    /// <summary>Whether the request may run, as far as its host decides.</summary>
    public bool Accepts(HttpContext http) =>
        !_isActive
        || (authenticator.HasCredentials && !settings.AllowAnonymous)
        || (http.Request.Headers.Host is [{ } host] && AcceptsKnownHost(host))
        || AdminSocketListener.IsUsedBy(http);

    private bool AcceptsKnownHost(string host)
    {
        if (host == _accepted)
            return true;
        if (!AcceptsHost(host))
            return false;
        _accepted = host;
        return true;
    }

    /// <summary>Whether the host, with or without a port, is a loopback name or one of the settings.</summary>
    internal bool AcceptsHost(ReadOnlySpan<char> host)
    {
        var isBracketed = host.StartsWith('[');
        var end = isBracketed ? host.IndexOf(']') : host.IndexOf(':');
        if (isBracketed && end < 0)
            return false;
        var name = isBracketed ? host[1..end] : end < 0 ? host : host[..end];
        var port = end < 0 ? [] : host[(isBracketed ? end + 1 : end)..];
        if (!IsPort(port))
            return false;
        return (isBracketed ? IsIpv6Loopback(name) : IsLoopbackName(name) || IsIpv4Loopback(name))
            || settings.AllowedHosts?.Include(WithoutDot(name)) == true;
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.Length == 0
        || (text[0] == ':' && text.Length is > 1 and <= MaxPortDigits + 1 && !text[1..].ContainsAnyExceptInRange('0', '9'));

    // A name with a dot at its end is absolute. Resolvers take both for the same.
    private static ReadOnlySpan<char> WithoutDot(ReadOnlySpan<char> name) => name.EndsWith('.') ? name[..^1] : name;

    private static bool IsLoopbackName(ReadOnlySpan<char> given)
    {
        var name = WithoutDot(given);
        if (name.Equals(Localhost, StringComparison.OrdinalIgnoreCase))
            return true;
        if (!name.EndsWith(BelowLocalhost, StringComparison.OrdinalIgnoreCase) || name.Length == BelowLocalhost.Length)
            return false;
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_' or '.'))
                return false;
        }
        return true;
    }

    private static bool IsIpv4Loopback(ReadOnlySpan<char> name)
    {
        const int First = 127;
        const int MaxLength = 15;
        Span<char> usual = stackalloc char[MaxLength];
        return name is "127.0.0.1"
            || (name.StartsWith($"{First}.") && IPAddress.TryParse(name, out var address)
                && address.TryFormat(usual, out var length) && name.SequenceEqual(usual[..length]));
    }

    private static bool IsIpv6Loopback(ReadOnlySpan<char> name) =>
        !name.Contains('%') && IPAddress.TryParse(name, out var address) && address.Equals(IPAddress.IPv6Loopback);
}
