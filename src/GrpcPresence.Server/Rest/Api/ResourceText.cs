namespace GrpcPresence.Server.Rest.Api;

/// <summary>Converts optional texts: empty in messages, null in resources.</summary>
internal static class ResourceText
{
    /// <summary>Returns the text, or null when it is empty.</summary>
    public static string? OrNull(string text) => text.Length == 0 ? null : text;
}
