using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of webhook settings.</summary>
internal static class WebhookEndpoints
{
    private const string Path = RestPaths.Service + "/Configuration/Webhooks";
    private const string PreWebhookUrl = "PreWebhookUrl";
    private const string PostWebhookUrl = "PostWebhookUrl";
    private const string Filters = "Filters";
    private const string Method = "Method";
    private const string PreWebhookFailClosed = "PreWebhookFailClosed";

    private static readonly Dictionary<string, V1.WebhookMethod> Methods = new(StringComparer.OrdinalIgnoreCase)
    {
        [""] = V1.WebhookMethod.Unspecified,
        [HttpMethods.Post] = V1.WebhookMethod.Post,
        [HttpMethods.Get] = V1.WebhookMethod.Get,
    };

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Path,
            new RestOperation(
                "FetchServiceWebhookConfiguration", "Reads the webhook settings.", StatusCodes.Status200OK, [RestPaths.InService]),
            FetchAsync);
        routes.Post(
            Path,
            new RestOperation(
                "UpdateServiceWebhookConfiguration",
                "Updates the given webhook settings and keeps the others.",
                StatusCodes.Status200OK,
                [
                    RestPaths.InService,
                    RestParameter.Form(
                        PreWebhookUrl,
                        RestParameterType.Text,
                        "The URL to call before a profile edit, which the webhook may reject: at most 2048 bytes, or empty for none.",
                        Limits.WebhookUrlBytes),
                    RestParameter.Form(
                        PostWebhookUrl,
                        RestParameterType.Text,
                        "The URL to notify after an event: at most 2048 bytes, or empty for none.",
                        Limits.WebhookUrlBytes),
                    RestParameter.Form(
                        Filters,
                        RestParameterType.Texts,
                        "The events that cause webhooks: onUserAdded, onUserUpdate, onUserUpdated. A single empty value selects none.",
                        Limits.WebhookFilters * (Limits.WebhookEventLength + Filters.Length)),
                    RestParameter.Form(Method, RestParameterType.Text, "The HTTP method of the webhooks: POST or GET."),
                    RestParameter.Form(
                        PreWebhookFailClosed,
                        RestParameterType.Flag,
                        "Whether a profile edit is rejected when the URL before it gives no answer. An addition of this service."),
                ]),
            UpdateAsync);
    }

    private static async Task<WebhookResource> FetchAsync(RestRequest call)
    {
        var read = await call.CallAsync<V1.GetWebhookConfigurationRequest, V1.GetWebhookConfigurationResponse>(
            new V1.GetWebhookConfigurationRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return WebhookResource.Of(read.WebhookConfiguration, call);
    }

    private static async Task<WebhookResource> UpdateAsync(RestRequest call)
    {
        var webhook = new V1.WebhookConfiguration { ServiceSid = call.Path(RestPaths.ServiceSid) };
        var mask = FormFields.Take(call, webhook, ["pre_webhook_url", "post_webhook_url", "filters", "pre_webhook_fail_closed"]);
        if (call.Text(Method) is { } method)
        {
            // An invalid method is passed on, so that it is reported together with all other violations.
            webhook.Method = Methods.GetValueOrDefault(method, (V1.WebhookMethod)(-1));
            mask.Paths.Add("method");
        }
        if (mask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateWebhookConfigurationRequest, V1.UpdateWebhookConfigurationResponse>(
            new V1.UpdateWebhookConfigurationRequest { WebhookConfiguration = webhook, UpdateMask = mask });
        return WebhookResource.Of(updated.WebhookConfiguration, call);
    }
}
