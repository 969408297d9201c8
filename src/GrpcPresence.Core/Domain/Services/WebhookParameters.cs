using System.Text;

namespace GrpcPresence.Core.Domain.Services;

/// <summary>
/// The names of the parameters that the server sends. A URL must not contain them in its query: a back end that reads its parameters from
/// there would believe what the author of the URL wrote, under a valid signature.
/// </summary>
public static class WebhookParameters
{
#pragma warning disable CS1591 // the names are those of Twilio Conversations, and say what they hold
    public const string EventType = nameof(EventType);
    public const string AccountSid = nameof(AccountSid);
    public const string ChatServiceSid = nameof(ChatServiceSid);
    public const string UserSid = nameof(UserSid);
    public const string Identity = nameof(Identity);
    public const string FriendlyName = nameof(FriendlyName);
    public const string Attributes = nameof(Attributes);
    public const string RoleSid = nameof(RoleSid);
    public const string DateCreated = nameof(DateCreated);
    public const string DateUpdated = nameof(DateUpdated);
    public const string IsOnline = nameof(IsOnline);
    public const string IsNotifiable = nameof(IsNotifiable);
    public const string UpdateReasons = nameof(UpdateReasons);
    public const string Revision = nameof(Revision);
    public const string Epoch = nameof(Epoch);
    public const string Source = nameof(Source);
#pragma warning restore CS1591

    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        EventType, AccountSid, ChatServiceSid, UserSid, Identity, FriendlyName, Attributes, RoleSid, DateCreated, DateUpdated, IsOnline,
        IsNotifiable, UpdateReasons, Revision, Epoch, Source,
    };

    /// <summary>
    /// Returns the first reserved name in the query of a URL, or null. Compares as the most lenient receivers read: names in any case, with
    /// spaces around, escaped or not, as an array (<c>Identity[]</c>), and separated by ampersands or semicolons.
    /// </summary>
    /// <param name="query">The query, escaped, without the question mark.</param>
    public static string? FindReserved(string query)
    {
        foreach (var parameter in query.Split('&', ';'))
        {
            var name = Encoding.UTF8.GetString(PercentEncoding.Decode(parameter.Split('=', 2)[0].Replace('+', ' '))).Trim();
            var end = name.AsSpan().IndexOfAny('[', '\0', '=');
            if (end >= 0)
                name = name[..end].Trim();
            if (Reserved.TryGetValue(name, out var reserved))
                return reserved;
        }
        return null;
    }
}
