using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>The fields that each update may change.</summary>
internal static class UpdateMasks
{
    /// <summary>The fields of UpdateServiceInstance.</summary>
    public static readonly UpdateMask ServiceInstance = new(
        writable: ["friendly_name"],
        readOnly: ["sid", "create_time", "update_time"]);

    /// <summary>The fields of UpdateConfiguration.</summary>
    public static readonly UpdateMask Configuration = new(
        writable:
        [
            "reachability_enabled", "heartbeat_interval", "session_timeout", "offline_debounce", "auto_create_users",
            "default_service_role_sid", "default_conversation_role_sid", "default_conversation_creator_role_sid",
        ],
        readOnly: ["service_sid", "etag", "revision", "update_time"]);

    /// <summary>The fields of UpdateWebhookConfiguration.</summary>
    public static readonly UpdateMask WebhookConfiguration = new(
        writable: ["pre_webhook_url", "post_webhook_url", "filters", "method", "pre_webhook_fail_closed"],
        readOnly: ["service_sid"]);

    /// <summary>The fields of UpdateNotificationConfiguration.</summary>
    public static readonly UpdateMask NotificationConfiguration = new(
        writable:
        [
            "log_enabled",
            "new_message", "new_message.enabled", "new_message.template", "new_message.sound", "new_message.badge_count_enabled",
            "new_message.with_media", "new_message.with_media.enabled", "new_message.with_media.template",
            "added_to_conversation", "added_to_conversation.enabled", "added_to_conversation.template", "added_to_conversation.sound",
            "removed_from_conversation", "removed_from_conversation.enabled", "removed_from_conversation.template",
            "removed_from_conversation.sound",
        ],
        readOnly: ["service_sid"]);

    /// <summary>The fields of UpdateUser.</summary>
    public static readonly UpdateMask User = new(
        writable: ["friendly_name", "attributes", "role_sid"],
        readOnly:
        [
            "sid", "service_sid", "identity", "is_online", "is_notifiable",
            "last_online_time", "create_time", "update_time", "revision", "etag",
        ]);
}
