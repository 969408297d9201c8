using System.Globalization;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// The parameters of webhooks, by the names of the product, which writes those of reachability in two ways: here as in its stream of events.
/// <c>UpdateReasons</c> and <c>Revision</c> are our own. What has no value is left out.
/// </summary>
internal static class WebhookForm
{
    /// <summary>Not part of what makes an event the same: a repetition may name more reasons.</summary>
    public const string UpdateReasons = nameof(UpdateReasons);

    private const string DateFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>The parameters of an event that has happened.</summary>
    /// <param name="accountSid">The account, which all service instances share.</param>
    /// <param name="eventType">The name of the event.</param>
    /// <param name="user">The user, who is not deleted.</param>
    /// <param name="reasons">What changed.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(string accountSid, string eventType, UserState user, UpdateReasons reasons)
    {
        var record = user.Record!;
        var form = new List<KeyValuePair<string, string>>();
        AddProfile(form, accountSid, eventType, user.Service, record);
        form.Add(new("DateCreated", Date(record.CreateTime)));
        AddFlag(form, "IsOnline", user.IsOnline);
        AddFlag(form, "IsNotifiable", user.IsNotifiable);
        form.Add(new(nameof(UpdateReasons), string.Join(',', UpdateReasonNames.Of(reasons))));
        form.Add(new("Revision", user.Revision.ToString(CultureInfo.InvariantCulture)));
        return form;
    }

    /// <summary>The parameters of an edit that is about to happen: the profile as it would be.</summary>
    /// <param name="accountSid">The account.</param>
    /// <param name="user">The user before the edit, who is not deleted.</param>
    /// <param name="edit">What is to change.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> OfEdit(string accountSid, UserState user, UserEdit edit)
    {
        var form = new List<KeyValuePair<string, string>>();
        AddProfile(form, accountSid, WebhookEvents.UserUpdate, user.Service, edit.Apply(user.Record!, user.Revision));
        form.Add(new("Source", "API")); // only edits over REST are asked about
        return form;
    }

    private static void AddProfile(
        List<KeyValuePair<string, string>> form, string accountSid, string eventType, ServiceSid service, UserRecord user)
    {
        form.Add(new("EventType", eventType));
        form.Add(new("AccountSid", accountSid));
        form.Add(new("ChatServiceSid", service.ToString()));
        form.Add(new("UserSid", user.Sid.ToString()));
        form.Add(new("Identity", user.Identity.ToString()));
        form.Add(new("FriendlyName", user.FriendlyName));
        form.Add(new("Attributes", user.Attributes));
        if (!user.RoleSid.IsEmpty)
            form.Add(new("RoleSid", user.RoleSid.ToString()));
        form.Add(new("DateUpdated", Date(user.UpdateTime)));
    }

    private static void AddFlag(List<KeyValuePair<string, string>> form, string name, bool? value)
    {
        if (value is { } known)
            form.Add(new(name, known ? "true" : "false"));
    }

    private static string Date(DateTimeOffset time) => time.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture);
}
