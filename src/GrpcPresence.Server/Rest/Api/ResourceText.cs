namespace GrpcPresence.Server.Rest.Api;

/// <summary>Texts that may be unset: empty in messages, null in resources.</summary>
internal static class ResourceText
{
    /// <summary>The text; null when it is empty.</summary>
    public static string? OrNull(string text) => text.Length == 0 ? null : text;
}
