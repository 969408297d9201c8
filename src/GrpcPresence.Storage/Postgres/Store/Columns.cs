using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>The columns of the records that are read by position.</summary>
internal static class Columns
{
    /// <summary>
    /// The timeline of the snapshot. The server finds it once for each statement. Another node may have begun it since this one was opened.
    /// </summary>
    public const string Timeline = "(SELECT t.id FROM timelines AS t ORDER BY t.seq DESC LIMIT 1)";

    /// <summary>The columns that <see cref="ReadService"/> reads, of <c>services AS s</c>, and <see cref="Timeline"/>.</summary>
    public const string OfService = $"""
        s.id, s.sid, s.friendly_name, s.create_time, s.update_time, s.revision, s.purged_revision, s.reachability_enabled,
        s.heartbeat_interval, s.session_timeout, s.offline_debounce, s.auto_create_users, s.default_service_role_sid,
        s.default_conversation_role_sid, s.default_conversation_creator_role_sid, s.configuration_revision, s.switched_on_revision,
        s.switch_revision, s.configuration_update_time, s.user_count, {Timeline}
        """;

    /// <summary>The columns that <see cref="ReadUser"/> reads, of <c>users AS u</c> and <c>presence AS p</c>.</summary>
    public const string OfUser = """
        u.id, u.sid, u.identity, u.friendly_name, u.attributes, u.role_sid, u.create_time, u.update_time, p.is_online, p.last_online_time,
        u.binding_count, u.had_binding, u.created_revision, u.friendly_name_revision, u.attributes_revision, u.role_revision,
        p.online_revision, p.notifiable_revision, p.known_revision, p.revision, u.quiet_reasons, p.last_alive
        """;

    /// <summary>The columns that <see cref="ReadPresence"/> reads, of <c>users AS u</c> and <c>presence AS p</c>.</summary>
    public const string OfPresence = """
        u.id, u.sid, u.had_binding, p.is_online, p.last_online_time, p.last_alive, p.online_revision, p.notifiable_revision,
        p.known_revision, p.revision
        """;

    /// <summary>The columns that <see cref="ReadBinding"/> reads, of <c>push_bindings AS b</c> and <c>users AS u</c>.</summary>
    public const string OfBinding = "b.id, b.sid, u.sid, u.identity, b.type, b.endpoint, b.create_time";

    /// <summary>The bytes of the texts of a user.</summary>
    public const string BytesOfUser = "octet_length(u.identity) + octet_length(u.friendly_name) + octet_length(u.attributes)";

    /// <summary>The number of the columns of <see cref="OfService"/>.</summary>
    public const int CountOfService = 21;

    /// <summary>The number of the columns of <see cref="OfUser"/>.</summary>
    public const int CountOfUser = 22;

    /// <summary>Reads <see cref="OfService"/>.</summary>
    public static ServiceRecord ReadService(Row row, int at = 0) => new()
    {
        Id = row.Int64(at),
        Sid = new ServiceSid(row.Sid(at + 1)),
        FriendlyName = row.Text(at + 2),
        CreateTime = row.Time(at + 3),
        UpdateTime = row.Time(at + 4),
        Revision = row.Int64(at + 5),
        PurgedRevision = row.Int64(at + 6),
        Configuration = new ServiceConfiguration
        {
            ReachabilityEnabled = row.Flag(at + 7),
            HeartbeatInterval = row.Duration(at + 8),
            SessionTimeout = row.Duration(at + 9),
            OfflineDebounce = row.Duration(at + 10),
            AutoCreateUsers = row.Flag(at + 11),
            DefaultServiceRoleSid = row.Role(at + 12),
            DefaultConversationRoleSid = row.Role(at + 13),
            DefaultConversationCreatorRoleSid = row.Role(at + 14),
            Revision = row.Int64(at + 15),
            SwitchedOnRevision = row.Int64(at + 16),
            SwitchRevision = row.Int64(at + 17),
            UpdateTime = row.Time(at + 18),
        },
        UserCount = row.Int64(at + 19),
        Timeline = row.Guid(at + 20),
    };

    /// <summary>Reads <see cref="OfUser"/>.</summary>
    public static UserRecord ReadUser(Row row, int at = 0) => new()
    {
        Id = row.Int64(at),
        Sid = new UserSid(row.Sid(at + 1)),
        Identity = Identity.FromTrusted(row.Text(at + 2)),
        FriendlyName = row.Text(at + 3),
        Attributes = row.Text(at + 4),
        RoleSid = row.Role(at + 5),
        CreateTime = row.Time(at + 6),
        UpdateTime = row.Time(at + 7),
        IsOnline = row.Flag(at + 8),
        LastOnlineTime = row.OptionalTime(at + 9),
        BindingCount = row.Int32(at + 10),
        HadBinding = row.Flag(at + 11),
        CreatedRevision = row.Int64(at + 12),
        FriendlyNameRevision = row.Int64(at + 13),
        AttributesRevision = row.Int64(at + 14),
        RoleRevision = row.Int64(at + 15),
        OnlineRevision = row.Int64(at + 16),
        NotifiableRevision = row.Int64(at + 17),
        KnownRevision = row.Int64(at + 18),
        Revision = row.Int64(at + 19),
        QuietReasons = (UpdateReasons)row.Int32(at + 20),
        LastAlive = row.Duration(at + 21),
    };

    /// <summary>Reads <see cref="OfPresence"/>.</summary>
    public static StoredPresence ReadPresence(Row row, int at = 0) => new(
        row.Int64(at),
        new UserSid(row.Sid(at + 1)),
        row.Flag(at + 2),
        new UserPresence
        {
            IsOnline = row.Flag(at + 3),
            LastOnlineTime = row.OptionalTime(at + 4),
            LastAlive = row.Duration(at + 5),
            OnlineRevision = row.Int64(at + 6),
            NotifiableRevision = row.Int64(at + 7),
            KnownRevision = row.Int64(at + 8),
            Revision = row.Int64(at + 9),
        });

    /// <summary>Reads <see cref="OfBinding"/>.</summary>
    public static PushBinding ReadBinding(Row row, int at = 0) => new()
    {
        Id = row.Int64(at),
        Sid = new BindingSid(row.Sid(at + 1)),
        UserSid = new UserSid(row.Sid(at + 2)),
        Identity = Identity.FromTrusted(row.Text(at + 3)),
        Type = (BindingType)row.Int32(at + 4),
        Endpoint = row.Text(at + 5),
        CreateTime = row.Time(at + 6),
    };
}
