using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Grpc.Mapping;

/// <content>Webhook and notification settings.</content>
internal sealed partial class RequestReader
{
    /// <summary>The URL of a webhook; may be empty. Where its host only turns out to be private when it is resolved, the webhook fails instead.</summary>
    public string WebhookUrl(string text, WebhookAddressPolicy guard, string field)
    {
        if (IsLonger(text, Limits.WebhookUrlBytes))
            return RefuseLength<string>(text, field, Limits.WebhookUrlBytes);
        if (text.Length == 0)
            return text;
        if (!Core.Domain.Services.WebhookUrl.IsValid(text))
            return Refuse<string>(field, ErrorReason.FieldInvalid, "must be an absolute http or https URL without user info and fragment, all of it escaped");
        return guard.Refuses(new Uri(text))
            ? Refuse<string>(field, ErrorReason.FieldInvalid, "must not point into a private network, unless the server allows it")
            : text;
    }

    /// <summary>Names of webhook events, each once; a list that is too long is one violation.</summary>
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
                Add($"{field}[{i}]", ErrorReason.FieldInvalid, $"must be \"on\", a capital letter and letters, at most {Limits.WebhookEventLength} characters");
        }
        return distinct;
    }

    /// <summary>How webhooks are called; unset is the default.</summary>
    public WebhookMethod WebhookMethod(V1.WebhookMethod method, string field) => method switch
    {
        V1.WebhookMethod.Unspecified or V1.WebhookMethod.Post => Core.Domain.Services.WebhookMethod.Post,
        V1.WebhookMethod.Get => Core.Domain.Services.WebhookMethod.Get,
        _ => RefuseEnum<WebhookMethod>(field),
    };

    /// <summary>The text of a notification; may be empty.</summary>
    public void NotificationTemplate(string text, string field) => Text(text, field, Limits.NotificationTemplateBytes);

    /// <summary>The name of a notification's sound; may be empty.</summary>
    public void NotificationSound(string text, string field) => Text(text, field, Limits.NotificationSoundBytes);
}
