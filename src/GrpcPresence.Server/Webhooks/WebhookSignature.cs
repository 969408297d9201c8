using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Computes the signature that proves to an endpoint that a webhook comes from this server. It is the base64 of an HMAC-SHA1, keyed with
/// the secret of the service instance or the auth token. It covers the requested URL, then the name and value of each form parameter,
/// sorted by name. A GET has no form: its URL contains the parameters.
/// </summary>
internal static class WebhookSignature
{
    /// <summary>The header of the signature.</summary>
    public const string Header = "X-Twilio-Signature";

    /// <summary>Returns the signature of a request. Parameter names are sorted by code point.</summary>
    public static string Of(string secret, string url, IEnumerable<KeyValuePair<string, string>> form)
    {
        var signed = new StringBuilder(url);
        foreach (var (name, value) in form.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
            signed.Append(name).Append(value);
#pragma warning disable CA5350 // Twilio's libraries verify only this format; HMAC does not need collision resistance
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(signed.ToString())));
#pragma warning restore CA5350
    }
}
