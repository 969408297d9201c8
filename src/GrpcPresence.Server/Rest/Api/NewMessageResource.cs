namespace GrpcPresence.Server.Rest.Api;

/// <summary>The notification of a new message.</summary>
internal sealed record NewMessageResource(bool Enabled, string? Template, string? Sound, bool BadgeCountEnabled, MediaResource WithMedia)
{
    /// <summary>Converts a message to a resource.</summary>
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
