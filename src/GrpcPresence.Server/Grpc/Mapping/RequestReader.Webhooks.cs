using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Webhook and notification settings.</content>
internal sealed partial class RequestReader
{
    /// <summary>
    /// Reads the URL of a webhook; may be empty. If its host name later resolves to a private address, the webhook fails instead.
    /// </summary>
    public string WebhookUrl(string text, WebhookAddressPolicy guard, string field)
    {
        if (IsLonger(text, Limits.WebhookUrlBytes))
            return RefuseLength<string>(text, field, Limits.WebhookUrlBytes, Bytes);
        if (text.Length == 0)
            return text;
        if (!Core.Domain.Services.WebhookUrl.TryParse(text, out var url, out var problem))
            return Refuse<string>(field, ErrorReason.FieldInvalid, problem);
        return guard.Rejects(new Uri(url.Text))
            ? Refuse<string>(field, ErrorReason.FieldInvalid, "must not point to a private network, which this server does not allow")
            : text;
    }

    /// <summary>Reads the names of webhook events, and removes duplicates. A list that is too long is a single violation.</summary>
    public IReadOnlyList<string> WebhookFilters(IReadOnlyList<string> names, string field)
    {
        var distinct = names.Distinct(StringComparer.Ordinal).ToList();
        if (distinct.Count > Limits.WebhookFilters)
        {
            RefuseCount(field, Limits.WebhookFilters);
            return [];
        }
        for (var i = 0; i < names.Count; i++)
        {
            if (!WebhookEvents.IsName(names[i]))
            {
                Add(
                    $"{field}[{i}]",
                    ErrorReason.FieldInvalid,
                    $"must be \"on\", a capital letter and letters, at most {Limits.WebhookEventLength} characters");
            }
        }
        return distinct;
    }

    /// <summary>Reads the HTTP method of webhooks; unspecified selects the default.</summary>
    public WebhookMethod WebhookMethod(V1.WebhookMethod method, string field) => method switch
    {
        V1.WebhookMethod.Unspecified or V1.WebhookMethod.Post => Core.Domain.Services.WebhookMethod.Post,
        V1.WebhookMethod.Get => Core.Domain.Services.WebhookMethod.Get,
        _ => RefuseEnum<WebhookMethod>(field),
    };

    /// <summary>Reads the template of a notification; may be empty, and may have several lines.</summary>
    public void NotificationTemplate(string text, string field)
    {
        if (IsLonger(text, Limits.NotificationTemplateBytes))
            RefuseLength<string>(text, field, Limits.NotificationTemplateBytes, Bytes);
        else if (TextRules.HasControlsWithinLines(text))
            Add(field, ErrorReason.FieldInvalid, "must not contain control characters other than tabs and line breaks");
    }

    /// <summary>Reads the name of a notification's sound; may be empty.</summary>
    public void NotificationSound(string text, string field) => Line(text, field, Limits.NotificationSoundBytes);
}
