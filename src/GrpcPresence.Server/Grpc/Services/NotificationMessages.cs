using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts notification settings to messages, and back.</summary>
internal static class NotificationMessages
{
    /// <summary>Converts the notification settings of a service instance.</summary>
    public static V1.NotificationConfiguration ToMessage(this NotificationSettings settings, ServiceSid service) => new()
    {
        ServiceSid = service.ToString(),
        LogEnabled = settings.LogEnabled,
        NewMessage = new V1.NewMessageNotification
        {
            Enabled = settings.NewMessage.Enabled,
            Template = settings.NewMessage.Template,
            Sound = settings.NewMessage.Sound,
            BadgeCountEnabled = settings.NewMessage.BadgeCountEnabled,
            WithMedia = new V1.MediaNotification
            {
                Enabled = settings.NewMessage.WithMedia.Enabled,
                Template = settings.NewMessage.WithMedia.Template,
            },
        },
        AddedToConversation = ToMessage(settings.AddedToConversation),
        RemovedFromConversation = ToMessage(settings.RemovedFromConversation),
    };

    /// <summary>Converts a message to settings. An absent field has its default.</summary>
    public static NotificationSettings ToSettings(this V1.NotificationConfiguration message) => new()
    {
        LogEnabled = message.LogEnabled,
        NewMessage = ToSettings(message.NewMessage ?? new V1.NewMessageNotification()),
        AddedToConversation = ToSettings(message.AddedToConversation ?? new V1.MembershipNotification()),
        RemovedFromConversation = ToSettings(message.RemovedFromConversation ?? new V1.MembershipNotification()),
    };

    private static V1.MembershipNotification ToMessage(MembershipNotification settings) =>
        new() { Enabled = settings.Enabled, Template = settings.Template, Sound = settings.Sound };

    private static NewMessageNotification ToSettings(V1.NewMessageNotification message) => new()
    {
        Enabled = message.Enabled,
        Template = message.Template,
        Sound = message.Sound,
        BadgeCountEnabled = message.BadgeCountEnabled,
        WithMedia = new MediaNotification { Enabled = message.WithMedia?.Enabled ?? false, Template = message.WithMedia?.Template ?? "" },
    };

    private static MembershipNotification ToSettings(V1.MembershipNotification message) =>
        new() { Enabled = message.Enabled, Template = message.Template, Sound = message.Sound };
}
