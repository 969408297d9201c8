using System.Globalization;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Creates the parameters of webhooks, under the names of Twilio Conversations. Twilio spells the reachability parameters in two ways; this
/// class uses the spelling of its event stream. <c>UpdateReasons</c>, <c>Revision</c> and <c>Epoch</c> are additions.
/// Parameters without a value are omitted.
/// </summary>
internal static class WebhookForm
{
    private const string DateFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    /// <summary>Returns the parameters of an event after a change.</summary>
    /// <param name="accountSid">The account SID that all service instances share.</param>
    /// <param name="eventType">The name of the event.</param>
    /// <param name="user">The user. The user is not deleted.</param>
    /// <param name="reasons">The changes.</param>
    /// <param name="epoch">The epoch of the user's revision.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(
        string accountSid, string eventType, UserState user, UpdateReasons reasons, long epoch)
    {
        var record = user.Record!;
        var form = new List<KeyValuePair<string, string>>();
        AddProfile(form, accountSid, eventType, user.Service, record);
        form.Add(new(WebhookParameters.DateCreated, Date(record.CreateTime)));
        AddFlag(form, WebhookParameters.IsOnline, user.IsOnline);
        AddFlag(form, WebhookParameters.IsNotifiable, user.IsNotifiable);
        form.Add(new(WebhookParameters.UpdateReasons, string.Join(',', UpdateReasonNames.Of(reasons))));
        form.Add(new(WebhookParameters.Revision, user.Revision.ToString(CultureInfo.InvariantCulture)));
        form.Add(new(WebhookParameters.Epoch, epoch.ToString(CultureInfo.InvariantCulture)));
        return form;
    }

    /// <summary>Returns the parameters of an event before an edit: the profile as it would be after the edit.</summary>
    /// <param name="accountSid">The account SID that all service instances share.</param>
    /// <param name="user">The user before the edit. The user is not deleted.</param>
    /// <param name="edit">The edit.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> OfEdit(string accountSid, UserState user, UserEdit edit)
    {
        var form = new List<KeyValuePair<string, string>>();
        AddProfile(form, accountSid, WebhookEvents.UserUpdate, user.Service, edit.Apply(user.Record!, user.Revision));
        form.Add(new(WebhookParameters.Source, "API")); // only REST edits call the pre-hook
        return form;
    }

    private static void AddProfile(
        List<KeyValuePair<string, string>> form, string accountSid, string eventType, ServiceSid service, UserRecord user)
    {
        form.Add(new(WebhookParameters.EventType, eventType));
        form.Add(new(WebhookParameters.AccountSid, accountSid));
        form.Add(new(WebhookParameters.ChatServiceSid, service.ToString()));
        form.Add(new(WebhookParameters.UserSid, user.Sid.ToString()));
        form.Add(new(WebhookParameters.Identity, user.Identity.ToString()));
        form.Add(new(WebhookParameters.FriendlyName, user.FriendlyName));
        form.Add(new(WebhookParameters.Attributes, user.Attributes));
        if (!user.RoleSid.IsEmpty)
            form.Add(new(WebhookParameters.RoleSid, user.RoleSid.ToString()));
        form.Add(new(WebhookParameters.DateUpdated, Date(user.UpdateTime)));
    }

    private static void AddFlag(List<KeyValuePair<string, string>> form, string name, bool? value)
    {
        if (value is { } known)
            form.Add(new(name, known ? "true" : "false"));
    }

    private static string Date(DateTimeOffset time) => time.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture);
}
