namespace GrpcPresence.Server.Mapping;

/// <summary>What each update may change.</summary>
internal static class UpdateMasks
{
    /// <summary>UpdateServiceInstance.</summary>
    public static readonly UpdateMask ServiceInstance = new(
        writable: ["friendly_name"],
        readOnly: ["sid", "create_time", "update_time"]);

    /// <summary>UpdateConfiguration.</summary>
    public static readonly UpdateMask Configuration = new(
        writable:
        [
            "reachability_enabled", "heartbeat_interval", "session_timeout", "offline_debounce", "auto_create_users",
            "default_service_role_sid", "default_conversation_role_sid", "default_conversation_creator_role_sid",
        ],
        readOnly: ["service_sid", "etag", "revision", "update_time"]);

    /// <summary>UpdateUser.</summary>
    public static readonly UpdateMask User = new(
        writable: ["friendly_name", "attributes", "role_sid"],
        readOnly:
        [
            "sid", "service_sid", "identity", "is_online", "is_notifiable", "last_online_time", "create_time", "update_time", "revision", "etag",
        ]);
}
