namespace GrpcPresence.Server.Rest.Api;

/// <summary>How a new message is notified.</summary>
internal sealed record NewMessageResource(bool Enabled, string? Template, string? Sound, bool BadgeCountEnabled, MediaResource WithMedia)
{
    /// <summary>The resource of a message.</summary>
    public static NewMessageResource Of(V1.NewMessageNotification message)
    {
        var media = message.WithMedia ?? new();
        return new NewMessageResource(
            message.Enabled,
            ResourceText.OrNull(message.Template),
            ResourceText.OrNull(message.Sound),
            message.BadgeCountEnabled,
            new MediaResource(media.Enabled, ResourceText.OrNull(media.Template)));
    }
}
