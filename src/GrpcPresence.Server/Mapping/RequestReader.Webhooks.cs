using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;

namespace GrpcPresence.Server.Mapping;

/// <content>Webhook and notification settings.</content>
internal sealed partial class RequestReader
{
    /// <summary>The URL of a webhook; may be empty.</summary>
    public string WebhookUrl(string text, string field)
    {
        if (IsLonger(text, Bounds.WebhookUrlBytes))
            return RefuseLength<string>(text, field, Bounds.WebhookUrlBytes);
        return text.Length == 0 || Core.Configuration.WebhookUrl.IsValid(text)
            ? text
            : Refuse<string>(field, ErrorReason.FieldInvalid, "must be an absolute http or https URL without user info and fragment, all of it escaped");
    }

    /// <summary>Names of webhook events, each once; a list that is too long is one violation.</summary>
    public IReadOnlyList<string> WebhookFilters(IReadOnlyList<string> names, string field)
    {
        var distinct = names.Distinct(StringComparer.Ordinal).ToList();
        if (distinct.Count > Bounds.WebhookFilters)
        {
            RefuseCount(field, Bounds.WebhookFilters);
            return [];
        }
        for (var i = 0; i < names.Count; i++)
        {
            if (!WebhookEvents.IsName(names[i]))
                Add($"{field}[{i}]", ErrorReason.FieldInvalid, $"must be \"on\", a capital letter and letters, at most {Bounds.WebhookEventLength} characters");
        }
        return distinct;
    }

    /// <summary>How webhooks are called; unset is the default.</summary>
    public WebhookMethod WebhookMethod(V1.WebhookMethod method, string field) => method switch
    {
        V1.WebhookMethod.Unspecified or V1.WebhookMethod.Post => Core.Configuration.WebhookMethod.Post,
        V1.WebhookMethod.Get => Core.Configuration.WebhookMethod.Get,
        _ => RefuseEnum<WebhookMethod>(field),
    };

    /// <summary>The text of a notification; may be empty.</summary>
    public void NotificationTemplate(string text, string field) => Text(text, field, Bounds.NotificationTemplateBytes);

    /// <summary>The name of a notification's sound; may be empty.</summary>
    public void NotificationSound(string text, string field) => Text(text, field, Bounds.NotificationSoundBytes);
}
