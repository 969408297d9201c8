namespace GrpcPresence.Server.Rest.Api;

/// <summary>How coming into a conversation, or leaving one, is notified.</summary>
internal sealed record MembershipResource(bool Enabled, string? Template, string? Sound)
{
    /// <summary>The resource of a message.</summary>
    public static MembershipResource Of(V1.MembershipNotification message) =>
        new(message.Enabled, ResourceText.OrNull(message.Template), ResourceText.OrNull(message.Sound));
}
