
namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The names of webhook events. Other names of the same form are accepted and stored, because settings written for Twilio Conversations
/// name all its events. They never fire here.
/// </summary>
public static class WebhookEvents
{
    /// <summary>A user was created.</summary>
    public const string UserAdded = "onUserAdded";

    /// <summary>A user is about to be changed.</summary>
    public const string UserUpdate = "onUserUpdate";

    /// <summary>A user was changed.</summary>
    public const string UserUpdated = "onUserUpdated";

    private const string Prefix = "on";

    /// <summary>Whether the text has the form of a name: "on", a capital letter, and ASCII letters, at most 64 characters.</summary>
    public static bool IsName(string text) =>
        text.Length is > 2 and <= Limits.WebhookEventLength
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && char.IsAsciiLetterUpper(text[Prefix.Length])
        && text.All(char.IsAsciiLetter);
}
