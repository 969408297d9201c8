using System.Text;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>What the URL of a webhook must be.</summary>
public static class WebhookUrl
{
    /// <summary>
    /// Whether the text is an absolute http or https URL of at most 2048 bytes, without user info, which would be a password in every log, and without a
    /// fragment, which is never sent. Characters of ASCII that must be escaped are refused, and others are escaped when it is called.
    /// </summary>
    public static bool IsValid(string text) =>
        Encoding.UTF8.GetByteCount(text) <= Limits.WebhookUrlBytes
        && text.AsSpan().Trim().Length == text.Length // a Uri takes no notice of space around it
        && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url.IsWellFormedOriginalString()
        && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
        && url.UserInfo.Length == 0
        && !text.Contains('#', StringComparison.Ordinal);
}
