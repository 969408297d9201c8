using static GrpcPresence.Storage.Import.ImportColumn;

namespace GrpcPresence.Storage.Import;

/// <summary>
/// What is taken over: every row of a service instance that exists, with its keys and revisions, so that page tokens, etags and resume
/// tokens stay valid. Rows of deleted service instances only wait to be purged.
/// </summary>
internal static class ImportTables
{
    private const string OfExisting = "WHERE service_id IN (SELECT id FROM services WHERE is_deleted = 0)";

    // After the data went back, every webhook endpoint receives the present state of every user.
    private const string Now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    private const string FromEveryone = "iif(post_url <> '', 0, NULL)";

    /// <summary>The tables, in an order in which no row refers to a later table.</summary>
    /// <param name="wentBack">
    /// Whether the data of SQLite went back since a server ran on it, because a backup was restored or copied.
    /// </param>
    public static IReadOnlyList<ImportTable> All(bool wentBack) =>
    [
        new("timelines", "timelines", Long("seq"), Id("id")),
        new(
            "services",
            "services WHERE is_deleted = 0",
            Long("id"),
            Id("sid"),
            Long("version"),
            Long("revision"),
            Long("purged_revision"),
            Long("user_count"),
            Long("next_user_id"),
            Long("next_binding_id"),
            Long("next_ended_session_id", "(id << 36) + 1"),
            Long("cut_timeline_seq", "coalesce((SELECT max(timeline_seq) FROM timeline_cuts WHERE service_id = services.id), 0)"),
            Flag("is_deleted"),
            Flag("reachability_enabled"),
            Flag("auto_create_users"),
            Long("create_time"),
            Long("update_time"),
            Long("heartbeat_interval"),
            Long("session_timeout"),
            Long("offline_debounce"),
            Long("configuration_revision"),
            Long("switched_on_revision"),
            Long("switch_revision"),
            Long("configuration_update_time"),
            Text("default_service_role_sid"),
            Text("default_conversation_role_sid"),
            Text("default_conversation_creator_role_sid"),
            Utf8("friendly_name")),
        new("timeline_cuts", $"timeline_cuts {OfExisting}", Long("service_id"), Long("timeline_seq"), Long("revision")),
        new(
            "users",
            $"users {OfExisting}",
            Long("service_id"),
            Long("id"),
            Id("sid"),
            Long("created_revision"),
            Long("friendly_name_revision"),
            Long("attributes_revision"),
            Long("role_revision"),
            Long("create_time"),
            Long("update_time"),
            Int("binding_count"),
            Int("quiet_reasons"),
            Flag("had_binding"),
            Text("role_sid"),
            Utf8("identity"),
            Utf8("friendly_name"),
            Utf8("attributes")),
        new(
            "presence",
            $"users {OfExisting}",
            Long("user_id", "id"),
            Long("service_id"),
            Long("revision"),
            Long("known_revision"),
            Long("online_revision"),
            Long("notifiable_revision"),
            Long("last_alive"),
            Long("last_online_time"),
            Flag("is_online")),
        new(
            "tombstones",
            $"tombstones {OfExisting}",
            Long("service_id"),
            Long("revision"),
            Long("delete_time"),
            Id("sid"),
            Utf8("identity")),
        new(
            "push_bindings",
            $"push_bindings {OfExisting}",
            Long("id"),
            Long("service_id"),
            Long("user_id"),
            Id("sid"),
            Long("create_time"),
            Int("type"),
            Utf8("endpoint")),
        new(
            "ended_sessions",
            $"ended_sessions {OfExisting}",
            Long("id"),
            Long("service_id"),
            Long("until"),
            Utf8("identity"),
            Utf8("session_id")),
        new(
            "webhooks",
            $"webhooks {OfExisting}",
            Long("service_id"),
            Long("position"),
            Long("known_since"),
            Long("sweep_since", wentBack ? FromEveryone : null),
            Long("sweep_after", wentBack ? FromEveryone : null),
            Int("method"),
            Flag("pre_fails_closed"),
            Long("secret_generation"),
            Long("epoch", wentBack ? $"max(epoch + 1, {Now})" : null),
            Utf8("pre_url"),
            Utf8("post_url"),
            Utf8("filters")),
        new("notifications", $"notifications {OfExisting}", Long("service_id"), Text("settings")),
        new(
            "api_keys",
            "api_keys",
            Long("id"),
            Id("sid"),
            Int("role"),
            Id("scope"),
            Long("previous_until"),
            Long("create_time"),
            Long("rotate_time"),
            Long("revoke_time"),
            Text("secret_salt"),
            Text("secret_hash"),
            Text("previous_salt"),
            Text("previous_hash"),
            Utf8("certificate_name"),
            Utf8("friendly_name")),
    ];
}
