using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// The one form under which credentials are cached. The same credentials can be written in many ways: the scheme in any case, a base64 text
/// with any unused bits, a signature in either alphabet. Without one form, one caller could fill the cache with one key or token.
/// </summary>
internal static class CanonicalCredentials
{
    private const string Basic = "Basic ";
    private const string Bearer = "Bearer ";

    private static readonly SearchValues<char> WhiteSpace = SearchValues.Create(" \t\r\n");
    private static readonly SearchValues<char> Base64UrlCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Returns the canonical form; null if the credentials are too long to be cached, or not written as usual.</summary>
    public static string? Of(string credentials)
    {
        if (credentials.Length > Limits.CachedCredentialsLength)
            return null;
        if (credentials.StartsWith(Basic, StringComparison.OrdinalIgnoreCase))
            return OfPassword(credentials[Basic.Length..]);
        return credentials.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? OfToken(credentials[Bearer.Length..]) : null;
    }

    private static string? OfPassword(string encoded)
    {
        var bytes = new byte[encoded.Length];
        // The decoder skips white space, but credentials must not contain any.
        if (encoded.AsSpan().ContainsAny(WhiteSpace) || !Convert.TryFromBase64String(encoded, bytes, out var length)
            || !Utf8.IsValid(bytes.AsSpan(0, length)))
        {
            return null;
        }
        var parts = Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2);
        if (parts.Length < 2)
            return null;
        var name = ApiKeySid.TryParse(parts[0], out var sid) ? sid.ToString() : parts[0];
        return Basic + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{parts[1]}"));
    }

    // A signature signs the text in front of it, so that only its own last character can be written differently: it has unused bits.
    private static string? OfToken(string token)
    {
        var end = token.LastIndexOf('.') + 1;
        var signature = token.AsSpan(end);
        if (signature.ContainsAnyExcept(Base64UrlCharacters) || signature.Length % 4 == 1)
            return null;
        // Base64 with padding ignores the unused bits.
        var padded = signature.ToString().Replace('-', '+').Replace('_', '/').PadRight((signature.Length + 3) / 4 * 4, '=');
        return $"{Bearer}{token[..end]}{Base64Url.EncodeToString(Convert.FromBase64String(padded))}";
    }
}
