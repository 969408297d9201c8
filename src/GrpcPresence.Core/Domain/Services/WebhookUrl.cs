using System.Text;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>The rules for the URL of a webhook.</summary>
public static class WebhookUrl
{
    /// <summary>
    /// Whether the text is an absolute http or https URL of at most 2048 bytes. User info is rejected, because it would be a password in
    /// every log, and so is a fragment, which is never sent. ASCII characters that must be escaped are rejected; others are escaped when
    /// the webhook is called.
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
