using Google.Protobuf.Reflection;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Http;
using GrpcPresence.Server.Rest.OpenApi;

namespace GrpcPresence.Server.Rest.Api;

/// <summary>The endpoints of notification settings. Their parameters are derived from the fields of the message.</summary>
internal static class NotificationEndpoints
{
    private const string Path = RestPaths.Service + "/Configuration/Notifications";

    /// <summary>The fields with a value: texts and flags.</summary>
    private static readonly (string Path, bool IsFlag)[] Values =
        [.. ValuesOf(V1.NotificationConfiguration.Descriptor, "").Where(value => value.Path != "service_sid")];

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Path,
            new RestOperation(
                "FetchServiceNotification", "Reads the notification settings.", StatusCodes.Status200OK, [RestPaths.InService]),
            FetchAsync);
        routes.Post(
            Path,
            new RestOperation(
                "UpdateServiceNotification",
                "Updates the given notification settings and keeps the others.",
                StatusCodes.Status200OK,
                [RestPaths.InService, .. Values.Select(ToParameter)]),
            UpdateAsync);
    }

    private static RestParameter ToParameter((string Path, bool IsFlag) value) =>
        value.IsFlag
            ? RestParameter.Form(ParameterNames.Of(value.Path), RestParameterType.Flag, "Stored for clients; has no effect.")
            : RestParameter.Form(
                ParameterNames.Of(value.Path),
                RestParameterType.Text,
                "Stored for clients; has no effect. A template has at most 1024 bytes, a sound at most 256.",
                Limits.NotificationTemplateBytes);

    private static async Task<NotificationResource> FetchAsync(RestRequest call)
    {
        var read = await call.CallAsync<V1.GetNotificationConfigurationRequest, V1.GetNotificationConfigurationResponse>(
            new V1.GetNotificationConfigurationRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return NotificationResource.Of(read.NotificationConfiguration, call);
    }

    private static async Task<NotificationResource> UpdateAsync(RestRequest call)
    {
        var notification = new V1.NotificationConfiguration { ServiceSid = call.Path(RestPaths.ServiceSid) };
        var mask = FormFields.Take(call, notification, Values.Select(value => value.Path));
        if (mask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateNotificationConfigurationRequest, V1.UpdateNotificationConfigurationResponse>(
            new V1.UpdateNotificationConfigurationRequest { NotificationConfiguration = notification, UpdateMask = mask },
            given => given.ToChange(out _));
        return NotificationResource.Of(updated.NotificationConfiguration, call);
    }

    private static IEnumerable<(string Path, bool IsFlag)> ValuesOf(MessageDescriptor message, string before) =>
        message.Fields.InDeclarationOrder().SelectMany(field => field.FieldType == FieldType.Message
            ? ValuesOf(field.MessageType, $"{before}{field.Name}.")
            : [(before + field.Name, field.FieldType == FieldType.Bool)]);
}
