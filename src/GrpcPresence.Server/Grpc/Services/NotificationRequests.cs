using Google.Protobuf.WellKnownTypes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts requests to commands on notification settings.</summary>
internal static class NotificationRequests
{
    private const string Message = "notification_configuration";

    // A field that the mask names is copied as given, even if it has the default value.
    private static readonly FieldMask.MergeOptions Replacing = new() { ReplaceMessageFields = true, ReplacePrimitiveFields = true };

    /// <summary>Converts the request to a command.</summary>
    public static UpdateNotificationSettings ToChange(this V1.UpdateNotificationConfigurationRequest request, out ServiceSid sid)
    {
        var reader = new RequestReader();
        var paths = UpdateMasks.NotificationConfiguration.Read(request.UpdateMask, reader);
        sid = default;
        UpdateNotificationSettings? change = null;
        if (reader.Has(request.NotificationConfiguration, Message))
        {
            sid = reader.Service(request.NotificationConfiguration.ServiceSid, $"{Message}.service_sid");
            CheckTexts(request.NotificationConfiguration, paths, reader);
            change = new UpdateNotificationSettings(sid, EditOf(request.NotificationConfiguration, request.UpdateMask, sid));
        }
        reader.ThrowIfInvalid();
        return change!;
    }

    /// <summary>Returns a function that changes the settings. The writer applies it to the current settings.</summary>
    private static Func<NotificationSettings, NotificationSettings> EditOf(
        V1.NotificationConfiguration given, FieldMask mask, ServiceSid sid)
    {
        var complete = given.ToSettings().ToMessage(sid); // merging throws if a nested message is absent
        return settings =>
        {
            var message = settings.ToMessage(sid);
            mask.Merge(complete, message, Replacing);
            return message.ToSettings();
        };
    }

    private static void CheckTexts(V1.NotificationConfiguration given, IReadOnlySet<string> paths, RequestReader reader)
    {
        Template(given.NewMessage?.Template, "new_message.template");
        Sound(given.NewMessage?.Sound, "new_message.sound");
        Template(given.NewMessage?.WithMedia?.Template, "new_message.with_media.template");
        Template(given.AddedToConversation?.Template, "added_to_conversation.template");
        Sound(given.AddedToConversation?.Sound, "added_to_conversation.sound");
        Template(given.RemovedFromConversation?.Template, "removed_from_conversation.template");
        Sound(given.RemovedFromConversation?.Sound, "removed_from_conversation.sound");

        void Template(string? text, string path)
        {
            if (IsNamed(path, paths))
                reader.NotificationTemplate(text ?? "", $"{Message}.{path}");
        }

        void Sound(string? text, string path)
        {
            if (IsNamed(path, paths))
                reader.NotificationSound(text ?? "", $"{Message}.{path}");
        }
    }

    /// <summary>Whether the mask names the field, or a message that contains it.</summary>
    private static bool IsNamed(string path, IReadOnlySet<string> paths)
    {
        for (var end = path.Length; end > 0; end = path.LastIndexOf('.', end - 1))
        {
            if (paths.Contains(path[..end]))
                return true;
        }
        return false;
    }
}
