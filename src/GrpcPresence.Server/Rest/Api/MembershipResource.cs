namespace GrpcPresence.Server.Rest.Api;

/// <summary>The notification of joining or leaving a conversation.</summary>
internal sealed record MembershipResource(bool Enabled, string? Template, string? Sound)
{
    /// <summary>Converts a message to a resource.</summary>
    public static MembershipResource Of(V1.MembershipNotification message) =>
        new(message.Enabled, ResourceText.OrNull(message.Template), ResourceText.OrNull(message.Sound));
}
