using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts webhook settings to messages, and requests to commands that change them.</summary>
internal static class WebhookRequests
{
    private const string Message = "webhook_configuration";

    /// <summary>Converts the request to a command.</summary>
    public static UpdateWebhookSettings ToChange(
        this V1.UpdateWebhookConfigurationRequest request, WebhookAddressPolicy guard, out ServiceSid sid)
    {
        var reader = new RequestReader();
        var paths = UpdateMasks.WebhookConfiguration.Read(request.UpdateMask, reader);
        sid = default;
        UpdateWebhookSettings? change = null;
        if (reader.Has(request.WebhookConfiguration, Message))
        {
            sid = reader.Service(request.WebhookConfiguration.ServiceSid, $"{Message}.service_sid");
            change = new UpdateWebhookSettings(sid, ReadEdit(request.WebhookConfiguration, paths, guard, reader));
        }
        reader.ThrowIfInvalid();
        return change!;
    }

    /// <summary>Converts the webhook settings of a service instance.</summary>
    public static V1.WebhookConfiguration ToMessage(this WebhookSettings settings, ServiceSid service) => new()
    {
        ServiceSid = service.ToString(),
        PreWebhookUrl = settings.PreUrl,
        PostWebhookUrl = settings.PostUrl,
        Filters = { settings.Filters },
        Method = (V1.WebhookMethod)settings.Method,
        PreWebhookFailClosed = settings.PreFailsClosed,
    };

    /// <summary>Returns a function that changes the settings. The writer applies it to the current settings.</summary>
    private static Func<WebhookSettings, WebhookSettings> ReadEdit(
        V1.WebhookConfiguration given, IReadOnlySet<string> paths, WebhookAddressPolicy guard, RequestReader reader)
    {
        var edits = paths.Select(path => ReadEdit(path, given, guard, reader)).ToList();
        return settings => edits.Aggregate(settings, (edited, edit) => edit(edited));
    }

    private static Func<WebhookSettings, WebhookSettings> ReadEdit(
        string path, V1.WebhookConfiguration given, WebhookAddressPolicy guard, RequestReader reader)
    {
        var field = $"{Message}.{path}";
        switch (path)
        {
            case "pre_webhook_url":
                var preUrl = reader.WebhookUrl(given.PreWebhookUrl, guard, field);
                return settings => settings with { PreUrl = preUrl };
            case "post_webhook_url":
                var postUrl = reader.WebhookUrl(given.PostWebhookUrl, guard, field);
                return settings => settings with { PostUrl = postUrl };
            case "filters":
                var filters = reader.WebhookFilters(given.Filters, field);
                return settings => settings with { Filters = filters };
            case "method":
                var method = reader.WebhookMethod(given.Method, field);
                return settings => settings with { Method = method };
            case "pre_webhook_fail_closed":
                var failsClosed = given.PreWebhookFailClosed;
                return settings => settings with { PreFailsClosed = failsClosed };
            default:
                return settings => settings; // reading the mask has already reported the path
        }
    }
}
