using System.Security.Cryptography;
using System.Text;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// By what a receiver knows that a webhook comes from this server: the base64 of an HMAC-SHA1, keyed with the auth token, of the URL as it is requested and
/// then the name and value of each parameter of the form, sorted by name. A GET has no form: its parameters stand in the URL.
/// </summary>
internal static class WebhookSignature
{
    /// <summary>The header that carries it.</summary>
    public const string Header = "X-Twilio-Signature";

    /// <summary>The signature of a request. The names of parameters are compared by code point.</summary>
    public static string Of(string authToken, string url, IEnumerable<KeyValuePair<string, string>> form)
    {
        var signed = new StringBuilder(url);
        foreach (var (name, value) in form.OrderBy(parameter => parameter.Key, StringComparer.Ordinal))
            signed.Append(name).Append(value);
#pragma warning disable CA5350 // the format of the product, whose receivers verify this and nothing else; HMAC does not need collision resistance
        return Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(authToken), Encoding.UTF8.GetBytes(signed.ToString())));
#pragma warning restore CA5350
    }
}
