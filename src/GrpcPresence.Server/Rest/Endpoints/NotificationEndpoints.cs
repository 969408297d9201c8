using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Server.Mapping;
using GrpcPresence.Server.Rest.Calls;
using GrpcPresence.Server.Rest.Documents;
using GrpcPresence.Server.Rest.Errors;
using GrpcPresence.Server.Rest.Resources;

namespace GrpcPresence.Server.Rest.Endpoints;

/// <summary>Settings of notifications. Their many parameters are the fields of the message, whose descriptor says which there are.</summary>
internal static class NotificationEndpoints
{
    private const string Path = RestPaths.Service + "/Configuration/Notifications";

    /// <summary>The fields that hold a value, each with its path from the message.</summary>
    private static readonly (string Path, FieldDescriptor[] Way)[] Values =
        [.. ValuesOf(V1.NotificationConfiguration.Descriptor, []).Where(value => value.Path != "service_sid")];

    /// <summary>Maps the operations.</summary>
    public static void Map(RestRoutes routes)
    {
        routes.Get(
            Path,
            new RestOperation("FetchServiceNotification", "Reads the settings of notifications.", StatusCodes.Status200OK, [RestPaths.InService]),
            FetchAsync);
        routes.Post(
            Path,
            new RestOperation(
                "UpdateServiceNotification",
                "Changes what is named, and leaves the rest as it is.",
                StatusCodes.Status200OK,
                [RestPaths.InService, .. Values.Select(ToParameter)]),
            UpdateAsync);
    }

    private static RestParameter ToParameter((string Path, FieldDescriptor[] Way) value) =>
        value.Way[^1].FieldType == FieldType.Bool
            ? RestParameter.Form(ParameterNames.Of(value.Path), RestType.Flag, "Kept for clients.")
            : RestParameter.Form(ParameterNames.Of(value.Path), RestType.Text, "Kept for clients: a template of at most 1024 bytes, a sound of at most 256.");

    private static async Task<NotificationResource> FetchAsync(RestCall call)
    {
        var read = await call.CallAsync<V1.GetNotificationConfigurationRequest, V1.GetNotificationConfigurationResponse>(
            new V1.GetNotificationConfigurationRequest { ServiceSid = call.Path(RestPaths.ServiceSid) });
        return NotificationResource.Of(read.NotificationConfiguration, call);
    }

    private static async Task<NotificationResource> UpdateAsync(RestCall call)
    {
        var notification = new V1.NotificationConfiguration { ServiceSid = call.Path(RestPaths.ServiceSid) };
        var mask = new FieldMask();
        foreach (var (path, way) in Values)
        {
            var name = ParameterNames.Of(path);
            object? value = way[^1].FieldType == FieldType.Bool ? call.Flag(name) : call.Text(name);
            if (value is null)
                continue;
            Set(notification, way, value);
            mask.Paths.Add(path);
        }
        if (mask.Paths.Count == 0)
            return await FetchAsync(call);
        var updated = await call.CallAsync<V1.UpdateNotificationConfigurationRequest, V1.UpdateNotificationConfigurationResponse>(
            new V1.UpdateNotificationConfigurationRequest { NotificationConfiguration = notification, UpdateMask = mask }, given => given.ToChange(out _));
        return NotificationResource.Of(updated.NotificationConfiguration, call);
    }

    private static void Set(IMessage message, ReadOnlySpan<FieldDescriptor> way, object value)
    {
        foreach (var field in way[..^1])
        {
            if (field.Accessor.GetValue(message) is not IMessage inner)
                field.Accessor.SetValue(message, inner = field.MessageType.Parser.ParseFrom([]));
            message = inner;
        }
        way[^1].Accessor.SetValue(message, value);
    }

    private static IEnumerable<(string Path, FieldDescriptor[] Way)> ValuesOf(MessageDescriptor message, FieldDescriptor[] before)
    {
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            FieldDescriptor[] way = [.. before, field];
            var found = field.FieldType == FieldType.Message
                ? ValuesOf(field.MessageType, way)
                : [(string.Join('.', way.Select(step => step.Name)), way)];
            foreach (var value in found)
                yield return value;
        }
    }
}
